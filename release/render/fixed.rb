# What differs from one rendering to the next is the same for all of them: time,
# chance, process ids and the name of the machine.
module Bpmify
  module Fixed
    NOW = 1_704_067_200 # 2024-01-01 00:00:00 UTC
    PID = 4242
    HOST = 'fixed-host'

    def self.use(seed)
      srand(seed)
      chance = Random.new(seed)
      now = Time.at(NOW).utc.freeze
      plant(Time, :now) { |*, **| now.dup }
      plant(Date, :today) { |*| Date.new(now.year, now.month, now.day) }
      plant(DateTime, :now) { |*| DateTime.new(now.year, now.month, now.day) }
      plant(Process, :pid) { PID }
      plant(Random, :new_seed) { seed }
      plant(Random, :new) { |given = seed| super(given) }
      plant(Random, :urandom) { |n| chance.bytes(n) }
      plant(SecureRandom, :gen_random) { |n| chance.bytes(n) }
      plant(SecureRandom, :bytes) { |n| chance.bytes(n) }
      plant(OpenSSL::Random, :random_bytes) { |n| chance.bytes(n) } if defined?(OpenSSL::Random)
      plant(Socket, :gethostname) { HOST } if defined?(Socket)
      plant(Etc, :getlogin) { 'root' }
    end

    def self.plant(object, name, &body)
      object.define_singleton_method(name, &body)
    end
  end
end
