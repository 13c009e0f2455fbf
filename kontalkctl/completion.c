/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Completion for shells, made of the verbs and of the schema of the configuration: a list of lines
 * such as "conf check --json", and a function that offers the next word of those that begin like
 * what is typed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kontalkctl/check/check.h"
#include "kontalkctl/json.h"

/* The verb, once for each of its options. */
static void print_verb(const struct ctl_verb *verb)
{
    const char *option = verb->help;

    printf("%s\n", verb->words);
    if (json_shape_find(verb->words))
        printf("%s --json\n", verb->words);
    while ((option = strstr(option, "--")) != NULL) {
        int length = (int)strspn(option, "abcdefghijklmnopqrstuvwxyz-");
        printf("%s %.*s\n", verb->words, length, option);
        option += length;
    }
}

static void print_keys(void)
{
    for (size_t i = 0; i < config_sections_count; i++)
        for (const struct config_item *item = config_sections[i].items; item->key; item++)
            printf("conf explain %s.%s\n", item->section, item->key);
}

static void print_lines(void)
{
    static const char *const shells[] = {"bash", "zsh", "fish"};

    for (const struct ctl_table *table = ctl_tables; table->verbs; table++)
        for (const struct ctl_verb *verb = table->verbs; verb->words; verb++)
            print_verb(verb);
    for (const struct check_area *area = check_areas; area->name; area++)
        printf("check %s\n", area->name);
    for (size_t i = 0; ctl_daemons[i]; i++)
        printf("ask %s\n", ctl_daemons[i]);
    for (size_t i = 0; i < ARRAY_SIZE(shells); i++)
        printf("completion %s\n", shells[i]);
    print_keys();
}

static const struct {
    const char *shell, *before, *after;
} scripts[] = {
    {"bash",
     "# bash completion of kontalkctl\n"
     "_kontalkctl_lines='",
     "'\n"
     "_kontalkctl()\n"
     "{\n"
     "    local word=${COMP_WORDS[COMP_CWORD]} typed='' candidates='' line rest i\n"
     "    case ${COMP_WORDS[COMP_CWORD - 1]} in\n"
     "    -c | --config) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n"
     "    esac\n"
     "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
     "        case ${COMP_WORDS[i]} in\n"
     "        -c | --config) i=$((i + 1)) ;;\n"
     "        *) typed+=\"${COMP_WORDS[i]} \" ;;\n"
     "        esac\n"
     "    done\n"
     "    while read -r line; do\n"
     "        [[ $line == \"$typed\"* ]] || continue\n"
     "        rest=${line#\"$typed\"}\n"
     "        candidates+=\"${rest%% *} \"\n"
     "    done <<<\"$_kontalkctl_lines\"\n"
     "    COMPREPLY=($(compgen -W \"$candidates\" -- \"$word\" | sort -u))\n"
     "}\n"
     "complete -F _kontalkctl kontalkctl\n"},
    {"zsh",
     "#compdef kontalkctl\n"
     "_kontalkctl_lines='",
     "'\n"
     "_kontalkctl()\n"
     "{\n"
     "    local typed='' line rest i\n"
     "    local -a candidates\n"
     "    case ${words[CURRENT - 1]} in\n"
     "    -c | --config) _files; return ;;\n"
     "    esac\n"
     "    for ((i = 2; i < CURRENT; i++)); do\n"
     "        case ${words[i]} in\n"
     "        -c | --config) i=$((i + 1)) ;;\n"
     "        *) typed+=\"${words[i]} \" ;;\n"
     "        esac\n"
     "    done\n"
     "    for line in ${(f)_kontalkctl_lines}; do\n"
     "        [[ $line == ${typed}* ]] || continue\n"
     "        rest=${line#$typed}\n"
     "        candidates+=(${rest%% *})\n"
     "    done\n"
     "    compadd -- ${(u)candidates}\n"
     "}\n"
     /* As a file in $fpath it is the function, and called when it is read. */
     "if [[ ${funcstack[1]} == _kontalkctl ]]; then\n"
     "    _kontalkctl \"$@\"\n"
     "else\n"
     "    compdef _kontalkctl kontalkctl\n"
     "fi\n"},
    {"fish",
     "# fish completion of kontalkctl\n"
     "set -g __kontalkctl_lines (string split \\n -- '",
     "')\n"
     "function __kontalkctl_words\n"
     "    set -l typed ''\n"
     "    set -l skip no\n"
     "    for word in (commandline -opc)[2..]\n"
     "        if test $skip = yes\n"
     "            set skip no\n"
     "        else if contains -- $word -c --config\n"
     "            set skip yes\n"
     "        else\n"
     "            set typed \"$typed$word \"\n"
     "        end\n"
     "    end\n"
     "    for line in $__kontalkctl_lines\n"
     "        if test (string sub -l (string length -- \"$typed\") -- \"$line\") = \"$typed\"\n"
     "            set -l rest (string sub -s (math 1 + (string length -- \"$typed\")) -- $line)\n"
     "            string split -f 1 ' ' -- $rest\n"
     "        end\n"
     "    end | sort -u\n"
     "end\n"
     "complete -c kontalkctl -f -a '(__kontalkctl_words)'\n"
     "complete -c kontalkctl -s c -l config -r -F\n"},
};

static int completion(const struct ctl *ctl UNUSED, size_t argc UNUSED, const char *const *argv)
{
    for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
        if (strcmp(scripts[i].shell, argv[0]) == 0) {
            fputs(scripts[i].before, stdout);
            print_lines();
            fputs(scripts[i].after, stdout);
            return EXIT_SUCCESS;
        }
    }
    return ctl_fail("no shell is called '%s'; there are bash, zsh and fish", argv[0]);
}

const struct ctl_verb completion_verbs[] = {
    {"completion", 1, 1, completion, "SHELL  what makes bash, zsh or fish complete kontalkctl"},
    {0},
};
