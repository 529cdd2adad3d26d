# What the Director gives a template and bosh-cli's context does not: links, all
# of spec, properties that nobody supplied. Loaded behind bosh-cli's script, whose
# own methods stay where they suffice.

# The Director has these of ActiveSupport.
class Object
  def blank? = respond_to?(:empty?) ? !!empty? : !self
  def present? = !blank?
  def presence = present? ? self : nil
end

class String
  def blank? = strip.empty?
end

class OpenStruct
  # templates list what there is by methods(false), which newer rubies answer
  # otherwise
  def methods(all = true) = all ? super : to_h.keys

  # bpmify_of is new, without a method for each key, which takes longer than all
  # the rest of a rendering: method_missing answers for those.
  def self.bpmify_of(hash)
    made = allocate
    table = {}
    made.instance_variable_set(:@table, table)
    hash.each_pair do |key, value|
      key = key.to_sym
      method_defined?(key) || private_method_defined?(key) ? made[key] = value : table[key] = value
    end
    made
  end
end

module Kernel
  alias bpmify_require require
  def require(name)
    bpmify_require(name)
  rescue LoadError
    # the Director has it, and what templates use of it is above
    raise unless name.to_s.start_with?('active_support')

    false
  end
  private :require, :bpmify_require
end

module Bpmify
  class UnknownLink < StandardError
    def initialize(name) = super("Can't find link '#{name}'")
  end

  # Lookup is p and if_p of a link and of its instances.
  module Lookup
    attr_reader :properties

    def p(*args)
      names = Array(args[0])
      names.each do |name|
        value = find(name)
        return value unless value.nil?
      end
      return args[1] if args.length == 2

      Synthesized.note("link.#{@link}.#{names.first}")
    end

    def if_p(*names)
      values = names.map do |name|
        value = find(name)
        return TemplateEvaluationContext::ActiveElseBlock.new(self) if value.nil?

        value
      end
      yield(*values)
      TemplateEvaluationContext::InactiveElseBlock.new
    end

    private

    def find(name)
      name.to_s.split('.').reduce(@properties) { |found, key| found.is_a?(Hash) ? found[key] : nil }
    end
  end

  class Instance
    include Lookup
    attr_reader :name, :index, :id, :az, :address, :bootstrap

    def initialize(link, given, properties)
      @link = link
      @properties = properties
      @name, @index, @id, @az, @address, @bootstrap = given.values_at('name', 'index', 'id', 'az', 'address', 'bootstrap')
    end
  end

  class Link
    include Lookup
    attr_reader :instances

    def initialize(name, given)
      @link = name
      @properties = given['properties'] || {}
      @address = given['address']
      @instances = given['instances'].map { |i| Instance.new(name, i, @properties) }
    end

    # azs, status and the like choose among instances; there is one
    def address(*) = @address
  end

  # Any network is the one that there is: its name is the deployment's affair.
  class Networks < OpenStruct
    def [](name) = @table[name.to_sym] || @table[:default]
    def method_missing(name, *args)
      name.end_with?('=') || !args.empty? || name.start_with?('to_') ? super : self[name]
    end
  end

  # Filled is properties where what nobody supplied has a value.
  class Filled < OpenStruct
    def self.of(object, path, declared)
      case object
      when Hash
        filled = bpmify_of(object.to_h { |k, v| [k, of(v, [path, k].compact.join('.'), declared)] })
        filled.instance_variable_set(:@bpmify, [path, declared])
        filled
      when Array then object.map { |v| of(v, path, declared) }
      else object
      end
    end

    def [](name) = super.nil? ? fill(name) : super

    def method_missing(name, *args)
      return super if name.end_with?('=') || !args.empty? || name.start_with?('to_')

      @table.key?(name) ? @table[name] : self[name]
    end

    private

    def fill(name)
      path, declared = @bpmify
      full = [path, name].compact.join('.')
      declared.call(full) ? Filled.of(Synthesized.note(full), full, declared) : nil
    end
  end
end

class TemplateEvaluationContext
  # what is given and not part of spec
  BPMIFY_OWN = %w[job_properties global_properties cluster_properties default_properties links fill whole seed undeclared
                  names made].freeze

  # fill says how much of what nobody supplied has a value, see Context.Fill; whole
  # that the template may look at properties other than by their names
  alias bpmify_initialize initialize
  def initialize(given)
    Bpmify::Synthesized.names = given['names']
    Bpmify::Synthesized.made = given['made'] || {}
    @bpmify_fill = given['fill'].to_i
    @bpmify_whole = given['whole']
    @bpmify_links = Bpmify::Synthesized.revive(given['links'] || {})
    @bpmify_declared = given['default_properties'].keys
    @bpmify_undeclared = given['undeclared']
    given['job_properties'] = Bpmify::Synthesized.revive(given['job_properties'])
    if @bpmify_fill > 1
      given['default_properties'].each do |name, value|
        next if !value.nil? || @bpmify_declared.any? { |other| other.start_with?("#{name}.") }

        given['default_properties'][name] = Bpmify::Synthesized.value(name)
      end
    end
    bpmify_initialize(given)
    @bpmify_given = given
    @properties = @spec = nil
  end

  # properties and spec are made when they are asked for.
  def properties
    @properties ||= if @bpmify_fill > 0
                      Bpmify::Filled.of(without_nil(@raw_properties), nil, method(:bpmify_declared?))
                    else
                      bpmify_openstruct(@raw_properties)
                    end
  end

  def spec
    return @spec if @spec

    @spec = bpmify_openstruct(@bpmify_given.reject { |name, _| BPMIFY_OWN.include?(name) })
    @spec.properties = properties if @bpmify_whole
    @spec.networks = Bpmify::Networks.new(@spec.networks.to_h)
    @spec
  end

  alias bpmify_p p
  def p(*args)
    names = Array(args[0])
    name = names.find { |n| bpmify_declared?(n) }
    return bpmify_p(*args) if name.nil? || args.length == 2 && !(@bpmify_fill > 1 && args[1].nil?)

    found = bpmify_p(names, nil)
    found.nil? ? Bpmify::Synthesized.note(name) : found
  end

  def link(name)
    given = @bpmify_links[name.to_s]
    raise Bpmify::UnknownLink, name if given.nil?

    Bpmify::Link.new(name.to_s, given)
  end

  def if_link(name)
    given = @bpmify_links[name.to_s]
    return ActiveElseBlock.new(self) if given.nil? || given['absent']

    yield Bpmify::Link.new(name.to_s, given)
    InactiveElseBlock.new
  end

  # Integer and the like of a value that nobody supplied
  def Integer(value, *args, **options) = value.is_a?(Bpmify::Synthesized) ? value.to_i : Kernel.Integer(value, *args, **options)
  def Float(value, *args, **options) = value.is_a?(Bpmify::Synthesized) ? value.to_f : Kernel.Float(value, *args, **options)
  def Array(value) = value.is_a?(Bpmify::Synthesized) ? [value] : Kernel.Array(value)

  class ActiveElseBlock
    def else_if_link(name, &block) = @context.if_link(name, &block)
  end

  class InactiveElseBlock
    def else_if_link(_name) = InactiveElseBlock.new
  end

  private

  # in initialize, nothing yet
  def openstruct(object) = object

  def bpmify_openstruct(object)
    case object
    when Hash then OpenStruct.bpmify_of(object.transform_values { |v| bpmify_openstruct(v) })
    when Array then object.map { |v| bpmify_openstruct(v) }
    else object
    end
  end

  # could a manifest have given this property?
  def bpmify_declared?(name)
    name = name.to_s
    @bpmify_undeclared || @bpmify_declared.any? { |d| d == name || d.start_with?("#{name}.") || name.start_with?("#{d}.") }
  end

  # a name that goes on below a scalar has no value, and below one that nobody
  # supplied has one of those
  def lookup_property(collection, name)
    Bpmify::Synthesized.looked_up << name.to_s if collection.equal?(@raw_properties)
    name.to_s.split('.').reduce(collection) do |found, key|
      case found
      when nil then return nil
      when Hash, Bpmify::Synthesized then found[key]
      when Array then found[Integer(key, exception: false) || (return nil)]
      else return nil
      end
    end
  end

  def without_nil(hash)
    hash.compact.transform_values { |v| v.is_a?(Hash) ? without_nil(v) : v }
  end
end
