#compdef bosh-bpmify
# zsh completion for bosh-bpmify
_bosh-bpmify() {
    local -a lines candidates
    local line besides=0
    lines=("${(@f)$(${(Q)words[1]} __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    for line in $lines; do
        if [[ $line == :* ]]; then
            besides=${line#:}
        else
            local word=${line%%$'\t'*} means=${line#*$'\t'}
            candidates+=("${word//:/\\:}${means:+:$means}")
        fi
    done
    if (( $#candidates )); then
        _describe -V candidate candidates
        return
    fi
    # what stands before "=" is not part of the file name
    compset -P '-*='
    case $besides in
        0) _files ;;
        16) _files -/ ;;
        *) return 1 ;;
    esac
}
# run by compinit, or sourced
if [[ $funcstack[1] == _bosh-bpmify ]]; then
    _bosh-bpmify "$@"
else
    compdef _bosh-bpmify bosh-bpmify
fi
