# bash completion for bosh-bpmify; works with bash 3.2, too
_bosh_bpmify() {
    # bash takes words apart at "=", the program does not
    local words=() word last="" i
    for ((i = 1; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ ${#words[@]} -gt 0 && ( $word == "=" || $last == "=" ) ]]; then
            words[${#words[@]} - 1]+=$word
        else
            words+=("$word")
        fi
        last=$word
    done

    local line besides=0 prefix=""
    # what stands before "=" is not replaced
    [[ ${words[${#words[@]} - 1]} == -*=* ]] && prefix=${words[${#words[@]} - 1]%%=*}=
    COMPREPLY=()
    while IFS= read -r line; do
        if [[ $line == :* ]]; then
            besides=${line#:}
        else
            line=${line%%$'\t'*}
            COMPREPLY+=("${line#"$prefix"}")
        fi
    done < <("${COMP_WORDS[0]}" __complete "${words[@]}" 2>/dev/null)

    # without compopt (bash 3.2) it is files where there are no candidates
    case $besides in
    4) compopt +o default 2>/dev/null ;;
    16) compopt +o default -o dirnames 2>/dev/null ;;
    esac
    return 0
}
complete -o default -F _bosh_bpmify bosh-bpmify
