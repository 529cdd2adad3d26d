# fish completion for bosh-bpmify
function __bosh_bpmify_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    # a file name may stand behind "--flag="
    set -l before (string match -r '^-[^=]*=' -- "$current")
    set -l path (string replace -r '^-[^=]*=' '' -- "$current")
    for line in ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case ':0'
                string replace -r -- '^' "$before" (__fish_complete_path "$path")
            case ':16'
                string replace -r -- '^' "$before" (__fish_complete_directories "$path")
            case ':*'
            case '*'
                echo -- $line
        end
    end
end
complete -c bosh-bpmify -f -a '(__bosh_bpmify_complete)'
