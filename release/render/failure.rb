module Bpmify
  # Failure is what a template raised. Its text is the same in each run and, as far
  # as that can be, with each ruby; it says which property a value is that of, and
  # not the value, and shows no object.
  class Failure
    # what these say is another thing with each version of their library, and has
    # the text that they read in it
    READERS = { 'JSON::ParserError' => 'the text is not JSON', 'Psych::SyntaxError' => 'the text is not YAML',
                'URI::InvalidURIError' => 'the text is not a URI', 'IPAddr::Error' => 'the text is not an IP address',
                'NoMatchingPatternError' => 'no pattern matches' }.freeze
    LONGEST = 300

    def initialize(error, template, properties)
      @error = error
      @template = template
      @properties = properties
    end

    def to_h
      { 'error' => text[0, LONGEST], 'class' => @error.class.name.to_s.split('::').last.to_s, 'line' => line.to_i }
    end

    private

    def message = @message ||= @error.message.to_s.dup.force_encoding(Encoding::UTF_8).scrub

    def line
      places = @error.is_a?(SyntaxError) ? [message] : []
      places += @error.backtrace || []
      places.map { |l| l[/#{SOURCE}:(\d+)/, 1] }.compact.first
    end

    def text
      case @error
      when SyntaxError then syntax
      when NoMethodError then missing_method
      when NameError then missing_name
      when FrozenError then frozen
      else
        ancestor = @error.class.ancestors.map(&:name).find { |name| READERS.key?(name) }
        ancestor ? READERS[ancestor] : said
      end
    end

    def syntax
      unexpected = message[/unexpected [^,;\n(]+/]
      ['syntax error', unexpected && quoted(unexpected.strip)].compact.join(', ')
    end

    def missing_method
      kind = message[/\A(?:undefined|private|protected) method/] or return said
      [kind, "'#{@error.name}'", kind.start_with?('undefined') ? nil : 'called', who].compact.join(' ')
    end

    def missing_name
      case message
      when /\Auninitialized constant (?:TemplateEvaluationContext::)?([\w:]+)/ then "uninitialized constant #{$1}"
      when /\Aundefined local variable/ then "undefined local variable or method '#{@error.name}'"
      else said
      end
    end

    def frozen
      message.start_with?("can't modify frozen") ? "can't modify frozen #{class_of(@error.receiver)}" : said
    rescue ArgumentError # it has no receiver
      said
    end

    # who is what a method is missing of; nothing for the template itself
    def who
      receiver = @error.receiver
      case receiver
      when TemplateEvaluationContext then nil
      when nil, true, false then "for #{receiver.inspect}"
      when Class then "for class #{receiver}"
      when Module then "for module #{receiver}"
      else "for an instance of #{class_of(receiver)}"
      end
    rescue ArgumentError # it has no receiver
      nil
    end

    def class_of(object)
      case object
      when Synthesized then 'String'
      when OpenStruct then 'OpenStruct'
      else (class << object; self; end rescue object.class).ancestors.find { |a| a.is_a?(Class) && !a.singleton_class? }.name || 'a class without a name'
      end
    end

    # said is what the message says, without objects, addresses and values.
    def said
      text = message.gsub(/#{SOURCE}(:\d+:?)?\s*/, '')
      text = text.lines.map(&:strip).reject(&:empty?).first || @error.class.name.to_s
      text = without_objects(quoted(text))
      text = text.sub(/\A(invalid value for \w+\(\)): .*/m, '\1').sub(/ @ \w+ - /, ': ')
      text = text.gsub(/\{.*(?:=>|\w: ).*\}/, 'a hash').gsub(/\[".*"\]/, 'a list')
      without_values(text)
    end

    # what one version of ruby says otherwise than another
    def quoted(text) = text.sub('BINARY (ASCII-8BIT)', 'ASCII-8BIT').gsub(/`([^`']*)['`]/, "'\\1'")

    # without_objects has the class of what is shown as #<Class:0x... ...>
    def without_objects(text)
      while (start = text.index('#<'))
        depth = 0
        stop = (start...text.length).find { |i| (depth += { '<' => 1, '>' => text[i - 1] == '=' ? 0 : -1 }.fetch(text[i], 0)).zero? && i > start + 1 }
        name = text[start..][/\A#<([A-Z]\w*(?:::[A-Z]\w*)*)/, 1]
        text = "#{text[0...start]}#{name ? "an instance of #{name}" : 'an object'}#{text[stop + 1..] if stop}"
      end
      text.gsub(/\b0x\h{6,}\b/, '')
    end

    # without_values has the names of properties for what a manifest gives them,
    # unless the template says the same word itself
    def without_values(text)
      values(JSON.parse(@properties), nil).sort_by { |value, _| -value.length }.each do |value, name|
        next if !text.include?(value) || @template.include?(value)

        text = text.gsub(/(?<!\w)#{Regexp.escape(value)}(?!\w)/) { "(the value of #{name})" }
      end
      text
    end

    # values are the texts and numbers that can be told from others, with their names
    def values(object, name)
      case object
      when Hash then object.key?(Synthesized::MARK) ? [] : object.flat_map { |k, v| values(v, [name, k].compact.join('.')) }
      when Array then object.flat_map { |v| values(v, name) }
      when String, Numeric then object.to_s.lines.map(&:strip).select { |l| l.length > 3 }.map { |l| [l, name] }
      else []
      end
    end
  end
end
