# What a template may leave behind in the process that renders it is taken away
# before the next one. Loaded last.
module Bpmify
  module Traces
    CONTEXT = ::TemplateEvaluationContext
    NAME = Module.instance_method(:name)
    ENVIRONMENT = { 'PATH' => ENV['PATH'].to_s, 'LANG' => 'C.UTF-8', 'HOME' => '/', 'TZ' => 'UTC' }.freeze

    @changed = []

    class << self
      # changed are the modules and the names of methods that were defined in them.
      attr_reader :changed

      # watch is called once, before the first rendering.
      def watch
        ENV.replace(ENVIRONMENT)
        Dir.chdir('/') if FORKS
        @constants = CONTEXT.constants(false)
        @methods = CONTEXT.instance_methods(false) + CONTEXT.private_instance_methods(false)
        @state = state
        @changed.clear
        @watching = true
      end

      def note(mod, name)
        @changed << [mod, name] if @watching
      end

      # gone? says whether the next template can be rendered in this process.
      def gone?
        @watching = false
        taken = @changed.all? { |mod, name| take(mod, name) }
        @changed.clear
        (CONTEXT.constants(false) - @constants).each { |name| CONTEXT.send(:remove_const, name) }
        CONTEXT.class_variables(false).each { |name| CONTEXT.send(:remove_class_variable, name) }
        ENV.replace(ENVIRONMENT) unless ENV.to_h == ENVIRONMENT
        taken && @state == state
      rescue Exception # rubocop:disable Lint/RescueException
        false
      ensure
        @watching = true
      end

      private

      # take removes a method, or says that it cannot.
      def take(mod, name)
        if CONTEXT.equal?(mod)
          return false if @methods.include?(name)

          CONTEXT.send(:remove_method, name) if CONTEXT.method_defined?(name, false) || CONTEXT.private_method_defined?(name, false)
          return true
        end
        # one of a class without a name, or of one that goes with its constant
        full = NAME.bind_call(mod)
        full.nil? || full.start_with?("#{CONTEXT}::") && !@constants.include?(full.split('::')[1].to_sym)
      end

      # state is what a template that changes more than its own has changed.
      def state
        [Object.constants.size, global_variables.size, $LOADED_FEATURES.size, $LOAD_PATH.size, Thread.list.count { |t| !t[:bpmify] },
         Dir.pwd, Encoding.default_external, Encoding.default_internal, $stdin.object_id, $stdout.object_id,
         $stderr.object_id, $,, $;, $/, $\, $VERBOSE, $DEBUG, $PROGRAM_NAME]
      end
    end
  end
end

class Module
  %i[method_added method_removed method_undefined singleton_method_added].each do |hook|
    define_method(hook) { |name| Bpmify::Traces.note(self, name) }
    private hook
  end

  %i[included prepended].each do |hook|
    define_method(hook) { |other| Bpmify::Traces.note(other, nil) }
    private hook
  end
end
