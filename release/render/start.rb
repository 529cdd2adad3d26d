# Loaded when everything else is: the server says what it is, and serves.
module Bpmify
  begin
    QUIET = File.open(File::NULL, 'r+')
    input = STDIN.dup
    output = STDOUT.dup
    [STDIN, STDOUT].each { |io| io.reopen(QUIET) }
  rescue NotImplementedError, SystemCallError
    # a ruby without files keeps what a template prints
    input = STDIN
    output = STDOUT
    $stdin = StringIO.new
    $stdout = StringIO.new
    $stderr = StringIO.new
  end
  [input, output].each(&:binmode)
  output.puts "#{GREETING} #{RUBY_VERSION}"
  output.flush
  GC.start
  Traces.watch
  Server.new(input, output).serve
end
