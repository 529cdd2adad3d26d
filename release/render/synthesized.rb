require 'digest/md5'

module Bpmify
  # Synthesized is a value that nobody supplied. It is a String that says which
  # property it stands for, and answers as a list of one, a hash of one or a
  # number where it is asked to be that.
  class Synthesized < String
    # MARK is the key of the JSON object that stands for such a value.
    MARK = 'bosh-bpmify synthesizes'

    MANY = /(?<!acces|addres|pas|clas|alia|statu|prefi|dn|tl|http|anonymou)s\z/

    # COUNTED are names of how many there are of something.
    COUNTED = /(count|workers?|instances|replicas|processes|threads|nodes|shards)\z/

    @asked = []
    @looked_up = []

    class << self
      # asked are the names of the properties that were synthesized so far.
      attr_reader :asked
      # looked_up are the names that were asked for, whether they had a value or not.
      attr_reader :looked_up

      # begin is called before each rendering.
      def begin
        @asked = []
        @looked_up = []
      end

      # names are the patterns of names.go
      def names=(patterns)
        return if @patterns == patterns

        @patterns = patterns
        @names = patterns.transform_values { |pattern| Regexp.new(pattern) }
      end

      # made are the values that something better than the name suggests
      attr_writer :made

      # value is what a property gives; its name says of what kind it is.
      def value(name)
        name = name.to_s
        return like(@made[name], name) if @made&.key?(name)

        case name[/[^.]+\z/].to_s
        when @names['no'] then false
        when @names['yes'] then true
        when @names['number'] then new(number(name).to_s, name)
        when @names['path'] then new("/var/vcap/data/p.#{name}", name)
        else new("p.#{name}", name)
        end
      end

      # like is a made value; a text or a number answers as one of those below.
      def like(given, name)
        case given
        when ::String then new(given, name)
        when ::Integer then new(given.to_s, name)
        else revive(given)
        end
      end

      def note(name)
        @asked |= [name.to_s]
        value(name)
      end

      # number is one that tells properties apart and could be a port; of what is
      # counted there are few.
      def number(name)
        digest = Digest::MD5.hexdigest(name)[0, 6].to_i(16)
        name.match?(COUNTED) ? digest % 3 + 2 : digest % 8000 + 1100
      end

      # revive puts values in the place of the marks in what came as JSON.
      def revive(object)
        case object
        when Hash
          return value(object[MARK]) if object.size == 1 && object.key?(MARK)

          object.transform_values { |v| revive(v) }
        when Array then object.map { |v| revive(v) }
        else object
        end
      end
    end

    # CONVERSIONS would make others take it for what it is not.
    CONVERSIONS = %i[to_ary to_proc to_io to_path to_regexp to_open to_model _dump encode_with init_with
                     yaml_tag exception call read getc gets begin_with].freeze

    def initialize(text, name)
      super(text)
      @name = name
    end

    def plain = String.new(self)
    def to_s = plain
    def to_str = plain
    def inspect = number? ? plain : plain.inspect
    def dup = self.class.new(plain, @name)
    def clone(**) = dup
    def number? = match?(/\A\d+\z/)
    def to_json(*args) = (number? ? to_i : plain).to_json(*args)
    def as_json(*) = number? ? to_i : plain
    def dump_value = number? ? to_i : plain

    # as a number
    def to_i(*) = number? ? plain.to_i : self.class.number(@name)
    def to_int = to_i
    def to_f = to_i.to_f
    def to_r = to_i.to_r
    def coerce(other) = [other, to_i]
    def -(other) = other.is_a?(::Array) ? list - other : to_i - other.to_i
    def /(other) = to_i / other.to_i
    def *(other) = number? || other.is_a?(Synthesized) ? to_i * other.to_i : super
    def %(other) = number? && other.is_a?(Numeric) ? to_i % other : super
    def <=>(other) = other.is_a?(Numeric) ? to_i <=> other : super
    def ==(other) = other.is_a?(Numeric) ? to_i == other : super

    %i[< > <= >=].each do |op|
      define_method(op) { |other| other.is_a?(Numeric) ? to_i.public_send(op, other) : plain.public_send(op, other.to_s) }
    end

    def +(other)
      case other
      when Numeric then to_i + other
      when ::Array then list + other
      else plain + other.to_s
      end
    end

    # as a list or a hash
    def list = [below('0')]
    def hash_of_one = { 'key' => below('key') }
    def to_a = list
    def to_h(&block) = block ? hash_of_one.to_h(&block) : hash_of_one
    def to_hash = hash_of_one # {}.merge(p('x')) asks for it
    def keys = hash_of_one.keys
    def values = hash_of_one.values
    def first(*args) = list.first(*args)
    def last(*args) = list.last(*args)
    def join(separator = '') = list.join(separator)
    def dig(*keys) = below(keys.join('.'))
    def key?(*) = true
    alias has_key? key?
    def merge(*others) = hash_of_one.merge(*others)
    def blank? = false
    def present? = true

    def below(key) = Synthesized.new("p.#{@name}.#{key}", "#{@name}.#{key}")

    def [](*args)
      return super if args.length > 1 || args[0].is_a?(Range) || args[0].is_a?(Regexp)
      return list[args[0]] if args[0].is_a?(Integer)

      Synthesized.value("#{@name}.#{args[0]}")
    end

    def fetch(key, *) = self[key]

    def each(&block)
      return list.each unless block

      elements(block).each(&block)
      self
    end
    def each_pair(&block) = hash_of_one.each_pair(&block)

    # a block of two parameters wants the entries of a hash
    def elements(block) = block && (block.arity == 2 || block.arity == -3) ? hash_of_one : list

    %i[map collect flat_map collect_concat filter_map select filter find_all reject any? all? none? sort_by group_by
       partition each_entry min_by max_by sum to_set sort uniq compact flatten].each do |name|
      define_method(name) { |*args, &block| elements(block).public_send(name, *args, &block) }
    end

    # who supplies a list has the element that is looked for in it
    def find(&block) = elements(block).find(&block) || list.first
    alias detect find
    # what templates make of the hashes below properties
    def marshal_dump = hash_of_one.transform_keys(&:to_sym)
    # the length of what is a list by its name; that of others is of the text
    def length = @name.match?(MANY) ? 1 : super
    alias size length
    # a count of the elements, but for letters: the length of a String stays
    def count(*args, &block) = args.empty? ? elements(block).count(&block) : super
    def each_with_index(&block) = list.each_with_index(&block)
    def each_with_object(memo, &block) = elements(block).each_with_object(memo, &block)
    def inject(*args, &block) = list.inject(*args, &block)
    alias reduce inject

    def respond_to_missing?(name, _all = false)
      !CONVERSIONS.include?(name) && ([].respond_to?(name) || {}.respond_to?(name))
    end

    def method_missing(name, *args, &block)
      return super if CONVERSIONS.include?(name) || name.start_with?('to_') || name.end_with?('=')

      if [].respond_to?(name) then list.public_send(name, *args, &block)
      elsif {}.respond_to?(name) then hash_of_one.public_send(name, *args, &block)
      elsif 0.respond_to?(name) then to_i.public_send(name, *args, &block)
      elsif args.empty? && block.nil? && name.match?(/\A[a-z_][\w.-]*\z/) then Synthesized.value("#{@name}.#{name}")
      else super
      end
    end
  end

  # What reads a text of a certain form is given one of that form.
  module ReadsJSON
    def parse(text, *args, **options) = text.is_a?(Synthesized) ? text.hash_of_one : super
  end

  module ReadsYAML
    def load(text, *args, **options) = text.is_a?(Synthesized) ? text.hash_of_one : super
    def safe_load(text, *args, **options) = text.is_a?(Synthesized) ? text.hash_of_one : super
  end

  module ReadsURI
    def parse(text)
      text.is_a?(Synthesized) ? super("http://#{text.plain.gsub(/[^a-zA-Z0-9.-]/, '-')}/") : super
    end
  end

  module ReadsIP
    def initialize(address = '::', *args)
      if address.is_a?(String) && (address.is_a?(Synthesized) || address.match?(%r{\Ap\.[^/]*(/\d+)?\z}))
        digest = Digest::MD5.hexdigest(address.to_s)
        address = [10, *(0..2).map { |i| digest[i * 2, 2].to_i(16) }].join('.') + address.to_s[%r{/\d+\z}].to_s
      end
      super(address, *args)
    end
  end

  JSON.singleton_class.prepend(ReadsJSON)
  YAML.singleton_class.prepend(ReadsYAML)
  URI.singleton_class.prepend(ReadsURI)
  IPAddr.prepend(ReadsIP)
end

module Psych
  module Visitors
    class YAMLTree
      def visit_Bpmify_Synthesized(value) = accept(value.dump_value)
    end
  end
end
