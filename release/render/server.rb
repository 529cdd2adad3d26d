# The server that renders: it is given what bosh-cli gives ruby, one request a
# line, and forks a child for each rendering. The child evaluates the template
# with bosh-cli's script, which is loaded once. Ours, not bosh-cli's.
%w[rubygems json yaml erb ostruct set shellwords ipaddr uri base64 digest digest/md5 openssl securerandom time
   date etc pathname tempfile stringio cgi socket].each do |lib|
  begin
    require lib
  rescue LoadError
    nil # a ruby without it fails where a template needs it
  end
end

require_relative 'fixed'
require_relative 'synthesized'

module Bpmify
  # stands for whatever a template prints
  QUIET = File.open(File::NULL, 'r+')

  def self.serve(input, output)
    while (line = input.gets)
      request = JSON.parse(line)
      unless defined?(@loaded)
        load request['script']
        require_relative 'context'
        @loaded = true
      end
      output.puts(JSON.generate(answer(request, input, output)))
      output.flush
    end
  end

  # answer waits for the child, but not longer than it may take.
  def self.answer(request, input, output)
    from, to = IO.pipe
    child = fork do
      Process.setpgid(0, 0)
      from.close
      input.close
      output.close
      [STDIN, STDOUT, STDERR].each { |io| io.reopen(QUIET) }
      $stdin, $stdout, $stderr = STDIN, STDOUT, STDERR
      result = render(request)
      to.puts(JSON.generate(result))
      to.flush
      Process.exit!(0)
    end
    to.close
    text = read(from, request['timeout'])
    stop(child)
    return { 'error' => "it takes longer than #{request['timeout']} seconds to render" } if text.nil?
    return { 'error' => 'it ends the process that renders it' } if text.empty?

    JSON.parse(text)
  ensure
    from.close
  end

  def self.read(from, seconds)
    limit = Process.clock_gettime(Process::CLOCK_MONOTONIC) + seconds
    text = +''
    loop do
      left = limit - Process.clock_gettime(Process::CLOCK_MONOTONIC)
      return nil if left <= 0 || !IO.select([from], nil, nil, left)

      text << from.readpartial(65_536)
      return text if text.end_with?("\n")
    end
  rescue EOFError
    ''
  end

  # stop ends the child and what it started.
  def self.stop(child)
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

  def self.render(request)
    ENV.replace('PATH' => ENV['PATH'].to_s, 'LANG' => 'C.UTF-8', 'HOME' => '/', 'TZ' => 'UTC')
    context = JSON.parse(File.read(request['context']))
    Fixed.use(context['seed'])
    ERBRenderer.new(TemplateEvaluationContext.new(context)).render(request['src'], request['dst'])
    { 'synthesized' => Synthesized.asked, 'looked_up' => Synthesized.looked_up.uniq }
  rescue Exception => e # rubocop:disable Lint/RescueException
    # bosh-cli makes one message of it; what was raised is its cause
    failure(e.cause || e, request['src'])
  end

  def self.failure(error, src)
    message = error.message.to_s.dup.force_encoding('UTF-8').scrub
    places = error.is_a?(SyntaxError) ? [message] : []
    places += error.backtrace || []
    line = places.map { |l| l[/#{Regexp.escape(src)}:(\d+)/, 1] }.compact.first
    message = message.gsub(/#{Regexp.escape(src)}(:\d+:?)?\s*/, '')
    first = message.lines.map(&:strip).reject(&:empty?).first || error.class.name
    { 'error' => first[0, 300], 'class' => error.class.name.to_s.split('::').last, 'line' => line.to_i,
      'synthesized' => Synthesized.asked, 'looked_up' => Synthesized.looked_up.uniq }
  end
end

if $PROGRAM_NAME == __FILE__
  input = STDIN.dup
  output = STDOUT.dup
  STDIN.reopen(Bpmify::QUIET)
  STDOUT.reopen(Bpmify::QUIET)
  Bpmify.serve(input, output)
end
