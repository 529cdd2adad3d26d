# What differs from one rendering to the next is the same for all of them: time,
# chance, process ids and the name of the machine.
module Bpmify
  module Fixed
    NOW = 1_704_067_200 # 2024-01-01 00:00:00 UTC
    PID = 4242
    HOST = 'fixed-host'

    class << self
      attr_reader :seed, :chance

      # use begins chance anew.
      def use(seed)
        srand(seed)
        @seed = seed
        @chance = Random.new(seed)
      end

      def plant(object, name, &body)
        object.define_singleton_method(name, &body)
      end
    end

    now = Time.at(NOW).utc.freeze
    plant(Time, :now) { |*, **| now.dup }
    plant(Date, :today) { |*| Date.new(now.year, now.month, now.day) }
    plant(DateTime, :now) { |*| DateTime.new(now.year, now.month, now.day) }
    plant(Process, :pid) { PID }
    plant(Random, :new_seed) { Fixed.seed }
    plant(Random, :new) { |given = Fixed.seed| super(given) }
    plant(Random, :urandom) { |n| Fixed.chance.bytes(n) }
    plant(SecureRandom, :gen_random) { |n| Fixed.chance.bytes(n) }
    plant(SecureRandom, :bytes) { |n| Fixed.chance.bytes(n) }
    plant(OpenSSL::Random, :random_bytes) { |n| Fixed.chance.bytes(n) } if defined?(OpenSSL::Random)
    plant(Socket, :gethostname) { HOST } if defined?(Socket)
    plant(Etc, :getlogin) { 'root' }
  end
end
