"""Go templates that want all memory, all time or all of the stack."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

BOMBS: Final = (
    '{{ repeat 1000000000 "x" }}',
    "{{ range until 1000000000 }}x{{ end }}",
    "{{ range 1000000000 }}x{{ end }}",
    "{{ range 9000000000000000000 }}{{ end }}",
    '{{ printf "%1000000d" 1 }}{{ printf "%999999d" 1 }}',
    '{{ printf "%*d" 1000000 1 }}{{ printf "%.1000000f" 1.0 }}',
    '{{ define "x" }}{{ template "x" }}{{ template "x" }}{{ end }}{{ template "x" }}',
    '{{ $x := "ab" }}{{ range 100 }}{{ $x = cat $x $x }}{{ end }}{{ $x }}',
    '{{ $x := "ab" }}{{ range 100 }}{{ $x = printf "%s%s" $x $x }}{{ end }}{{ $x }}',
    '{{ $x := "ab" }}{{ range 100 }}{{ $x = print $x $x }}{{ end }}{{ $x }}',
    "{{ $x := list 1 }}{{ range 100 }}{{ $x = concat $x $x }}{{ end }}{{ len $x }}",
    "{{ $x := list 1 }}{{ range 100 }}{{ $x = list $x $x }}{{ end }}{{ $x }}",
    '{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ $d }}',
    '{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ toJson $d }}{{ deepCopy $d }}',
    '{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ printf "%q" $d }}',
    '{{ $x := "" }}{{ range 100000 }}{{ $x = html $x "<" }}{{ end }}',
    '{{ indent 100000000 "x" }}',
    '{{ replace "" (repeat 100000 "y") (repeat 100000 "x") }}',
    '{{ regexReplaceAll "" (repeat 100000 "x") (repeat 100000 "y") }}',
    '{{ regexMatch "(a*)*b" (repeat 100000 "a") }}',
    '{{ regexMatch "(x+x+)+y" (repeat 100000 "x") }}',
    "{{ untilStep 0 1000000000 1 }}",
    "{{ seq 1 1000000000 }}",
    "{{ randBytes 1000000000 }}",
    "{{ randAlphaNum 1000000000 }}",
    '{{ bcrypt "x" }}' * 50,
    "{{ add " + "1 " * 100_000 + "}}",
    "{{ 1" + "0" * 5_000 + " }}",
    '{{ int "' + "9" * 5_000 + '" }}',
    "{{ 1e999999999 }}",
    "{{ toString 1e300 | int64 }}",
)
DEEP: Final = (
    "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}",
    "{{ if 1 }}" * 5_000 + "{{ end }}" * 5_000,
    "{{ if 1 }}x{{ else }}" + "{{ if 1 }}x{{ else }}" * 2_000 + "{{ end }}" * 2_001,
    "{{ if 0 }}" + "{{ else if 0 }}" * 5_000 + "{{ end }}",
    "{{ with 1 }}" + "{{ range 1 }}" * 3_000 + "{{ end }}" * 3_001,
    '{{ fromJson "' + "[" * 50_000 + '" }}',
    "{{ ." + "a." * 20_000 + "a }}",
    "{{ 1 " + "| add 1 " * 20_000 + "}}",
)


def _bomb(growing: str, number: str, inner: str) -> str:
    return growing.format(number, '"xyz"', inner)


_NUMBERS = st.sampled_from(["0", "1", "7", "100", "1000000000", "-1", "9e18", "1.5"])
_GROWING = st.sampled_from(
    [
        "{{{{ repeat {0} {1} }}}}",
        "{{{{ range until {0} }}}}{2}{{{{ end }}}}",
        "{{{{ range {0} }}}}{2}{{{{ end }}}}",
        '{{{{ printf (printf "%%%dd" {0}) 1 }}}}',
        "{{{{ $x := {1} }}}}{{{{ range 40 }}}}{{{{ $x = print $x $x }}}}{{{{ end }}}}",
        "{{{{ with list {1} {1} }}}}{{{{ join {1} . | repeat {0} }}}}{{{{ end }}}}",
        "{{{{ indent {0} {1} }}}}{{{{ nindent {0} {1} }}}}",
        '{{{{ define "t" }}}}{2}{{{{ template "t" . }}}}{{{{ end }}}}'
        '{{{{ template "t" }}}}',
    ]
)
_PIECES = st.builds(
    _bomb, _GROWING, _NUMBERS, st.builds(_bomb, _GROWING, _NUMBERS, st.just("y"))
)
GENERATED = st.lists(_PIECES, min_size=1, max_size=3).map("".join)
"""Templates that grow in several ways, one within the other."""
