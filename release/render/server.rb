# The server that renders. A request holds many renderings; one forked child does
# them in turn, with bosh-cli's script, and another takes over where one of them
# ends it, hangs or leaves something behind. Ours, not bosh-cli's.
#
# A request is a line of JSON and the blobs whose sizes it gives; a reply is a
# line with two sizes, JSON of the first and what was printed of the second.
%w[rubygems json yaml erb ostruct set shellwords ipaddr uri base64 digest digest/md5 openssl securerandom time
   date etc pathname tempfile stringio cgi socket].each do |lib|
  begin
    require lib
  rescue LoadError
    nil # a ruby without it fails where a template needs it
  end
end

module Bpmify
  # what the server says first
  GREETING = 'bosh-bpmify renders with ruby'
  # the template, by the name that Ruby's messages have of it
  SOURCE = '/bosh-bpmify/template.erb'
  FORKS = Process.respond_to?(:fork)
  # of this process; templates are told another
  REAL_PID = Process.method(:pid).unbind.bind(Process)

  # Server takes requests until its input ends.
  class Server
    def initialize(input, output)
      @input = input
      @output = output
      # nobody writes to it: a child reads its end when the server is no more
      @alive, @life = IO.pipe if FORKS
    end

    def serve
      # who started it ends it by closing the input, and is told of ^C itself
      trap('INT', 'IGNORE') if FORKS
      while (line = @input.gets)
        request = JSON.parse(line)
        blobs = request['sizes'].map { |size| @input.read(size).to_s }
        batch = Batch.new(request, blobs)
        FORKS ? forked(batch) : plain(batch)
      end
    end

    private

    # plain renders in this process, which ends where a fresh one has to go on.
    def plain(batch)
      batch.size.times do |i|
        head, text = batch.render(i)
        send(head, text, head['fresh'] ? 'e' : 'r')
        exit! if head['fresh']
      end
    end

    def forked(batch)
      done = 0
      done += in_child(batch, done) while done < batch.size
    end

    # in_child has a child render from one on, and says how many were answered.
    def in_child(batch, first)
      from, to = IO.pipe(binmode: true)
      child = fork do
        Process.setpgid(0, 0)
        trap('INT', 'DEFAULT')
        [from, @input, @output, @life].each(&:close)
        guard
        [STDIN, STDOUT, STDERR].each { |io| io.reopen(QUIET) }
        $stdin, $stdout, $stderr = STDIN, STDOUT, STDERR
        render(batch, first, to)
      end
      to.close
      relay(from, batch, first)
    ensure
      stop(child) if child
      from&.close
    end

    # guard ends a child whose server was killed, whatever the template does.
    def guard
      own = Thread.new do
        @alive.read
        Process.kill(:KILL, 0)
      end
      own[:bpmify] = true
    end

    def render(batch, first, to)
      own = REAL_PID.call
      (first...batch.size).each do |i|
        head, text = batch.render(i)
        break unless REAL_PID.call == own # a template has forked

        to.write(frame(head, text, head['fresh'] ? 'f' : 'r'))
        to.flush
        break if head['fresh']
      end
    ensure
      Process.exit!(0)
    end

    # relay passes on what the child says, as long as it does.
    def relay(from, batch, first)
      pending = ''.b
      done = first
      limit = now + batch.timeout
      while done < batch.size
        left = limit - now
        ready = left.positive? && IO.select([from, @input], nil, nil, left)
        unless ready
          send({ 'error' => "it takes longer than #{batch.timeout} seconds to render" })
          return done + 1 - first
        end
        ended if ready[0].include?(@input)
        begin
          pending << from.readpartial(1 << 20)
        rescue EOFError
          send({ 'error' => 'it ends the process that renders it' })
          return done + 1 - first
        end
        while (size = complete(pending))
          reply = pending.slice!(0, size)
          @output.write(reply)
          @output.flush
          done += 1
          limit = now + batch.timeout
          return done - first if reply.byteslice(0, 2) == 'f '
        end
      end
      done - first
    end

    # complete is the size of the reply that comes first, if all of it is there.
    def complete(pending)
      newline = pending.index("\n") or return nil
      _, head, text = pending[0, newline].split
      size = newline + 1 + head.to_i + text.to_i
      size <= pending.bytesize ? size : nil
    end

    # ended: whoever asked is no more.
    def ended
      exit if @input.eof?
    end

    def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

    def send(head, text = '', kind = 'r')
      @output.write(frame(head, text, kind))
      @output.flush
    end

    # an f says that the child ends here, an e that the server does
    def frame(head, text, kind)
      json = JSON.generate(head).b
      "#{kind} #{json.bytesize} #{text.bytesize}\n".b << json << text.b
    end

    # stop ends the child and what it started.
    def stop(child)
      begin
        Process.kill(:KILL, -child)
      rescue SystemCallError
        begin
          Process.kill(:KILL, child) # it has no group of its own yet
        rescue SystemCallError
          nil
        end
      end
      Process.wait(child)
    end
  end

  # Batch is a request: templates, contexts, and what is to be rendered with what.
  class Batch
    attr_reader :timeout

    def initialize(request, blobs)
      @blobs = blobs
      @renderings = request['renderings']
      @timeout = request['timeout']
      @limit = request['limit']
    end

    def size = @renderings.size

    # render gives what there is to say about a rendering, and what it printed.
    def render(index)
      template, base, properties, fill, whole = @renderings[index]
      text = ''
      Synthesized.begin
      context = nil
      head = begin
        context = context_of(base, properties, fill, whole)
        text = Template.new(@blobs[template]).render(context)
        if text.bytesize > @limit
          text, size = '', text.bytesize
          { 'size' => size }
        else
          {}
        end
      rescue Exception => e # rubocop:disable Lint/RescueException
        text = ''
        # bosh-cli makes one message of it; what was raised is its cause
        Failure.new(e.cause || e, utf8(@blobs[template]), utf8(@blobs[properties])).to_h.merge('unasked' => context.nil?)
      end
      head['synthesized'] = Synthesized.asked
      head['looked_up'] = Synthesized.looked_up.uniq
      head['fresh'] = true unless Traces.gone?
      [head, text]
    end

    private

    def context_of(base, properties, fill, whole)
      given = JSON.parse(utf8(@blobs[base]))
      Fixed.use(given['seed'])
      given['job_properties'] = JSON.parse(utf8(@blobs[properties]))
      given['fill'] = fill
      given['whole'] = whole == 1
      TemplateEvaluationContext.new(given)
    end

    def utf8(blob) = blob.dup.force_encoding(Encoding::UTF_8)
  end

  # Template is one that bosh-cli's script renders; its files are in memory.
  class Template
    # SHOWS is in those that look at the variables of the context.
    SHOWS = /@(?:properties|spec)\b|instance_var|binding|eval/n

    def initialize(text)
      @text = text
    end

    def render(context)
      [context.properties, context.spec] if @text.match?(SHOWS)
      Files.text = @text.dup.force_encoding(Encoding::UTF_8)
      ERBRenderer.new(context).render(SOURCE, Files::TARGET)
      Files.printed
    end
  end

  # Files is File in bosh-cli's renderer.
  module Files
    TARGET = '/bosh-bpmify/rendered'

    class << self
      attr_writer :text

      def read(_) = @text

      def open(*)
        @printed = nil
        yield self
      end

      def write(text) = @printed = text.to_s

      def printed = @printed.to_s
    end
  end

  # ERB is ERB in bosh-cli's renderer, which gives the options by their place. ERB
  # itself says whether it takes them by their names, as from version 6 it does only.
  module ERB
    BY_NAME = ::ERB.instance_method(:initialize).parameters.include?(%i[key trim_mode])

    @compiled = {}

    def self.new(text, _safe_level, trim_mode)
      @compiled[text] ||= BY_NAME ? ::ERB.new(text, trim_mode: trim_mode) : ::ERB.new(text, nil, trim_mode)
    end
  end
end

class ERBRenderer
  File = Bpmify::Files
  ERB = Bpmify::ERB
end
