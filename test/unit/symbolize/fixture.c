// SPDX-License-Identifier: Apache-2.0
// A library whose symbol table has each shape that ElfSymbols tells apart. Its functions are laid
// out by the assembler, so that the tests know every address relative to `fixture_start`.

int fixture_data = 42;
static int fixture_static_data = 7;

int fixture_use_data(void) { return fixture_data + fixture_static_data; }

__asm__(
    ".text\n"
    ".p2align 12\n"
    ".globl fixture_start\n"
    ".type fixture_start, @function\n"
    "fixture_start: .skip 16\n"  // 0: size 16
    ".size fixture_start, 16\n"
    ".skip 16\n"  // 16..31: a hole
    // 32: five names
    ".globl __open_it, open_it, open_it64\n"
    ".weak _open_it\n"
    ".type __open_it, @function\n"
    ".type open_it, @function\n"
    ".type open_it64, @function\n"
    ".type _open_it, @function\n"
    ".type it, @function\n"
    "__open_it: open_it: open_it64: _open_it: it: .skip 32\n"
    ".size __open_it, 32\n"
    ".size open_it, 32\n"
    ".size open_it64, 32\n"
    ".size _open_it, 32\n"
    ".size it, 32\n"
    // 64: 64 bytes with a function of 16 and a label inside
    ".type outer_function, @function\n"
    ".type inner_function, @function\n"
    "outer_function: .skip 16\n"
    "inner_function: .skip 16\n"
    ".size inner_function, 16\n"
    "inside_label: .skip 32\n"
    ".size outer_function, 64\n"
    // 128: a bare label, 144: a function without a size; both end with the section's next symbol
    "bare_label: .skip 16\n"
    ".type unsized_function, @function\n"
    "unsized_function: .skip 16\n"
    // 160: the section's last symbol, no size
    ".type last_in_text, @function\n"
    "last_in_text: .skip 16\n"
    ".section .text.other,\"ax\",@progbits\n"
    ".globl _ZN2ns5Class3fooEi\n"
    ".type _ZN2ns5Class3fooEi, @function\n"
    "_ZN2ns5Class3fooEi: .skip 8\n"
    ".size _ZN2ns5Class3fooEi, 0x7fffffffffffffff\n"  // a lie
    ".text\n");
