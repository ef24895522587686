// SPDX-License-Identifier: Apache-2.0
// 300 000 functions, as a large program has them: 24 MB of symbols.
asm(R"(
  .altmacro
  .macro function number
  .type a_function_of_a_program_that_is_large_\number, @function
a_function_of_a_program_that_is_large_\number:
  ret
  .size a_function_of_a_program_that_is_large_\number, 1
  .endm
  .text
  .set number, 0
  .rept 300000
  function %number
  .set number, number + 1
  .endr
  .noaltmacro
)");
