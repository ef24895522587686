// SPDX-License-Identifier: Apache-2.0
/* A file as V8's: between two functions with CFI, much code without. Compiled a second time
 * without the function that tells V8. */
void first(void);
void first(void) {}

__asm__(
    ".text\n.globl builtins\nbuiltins:\n.skip 614400, 0xcc\n.globl builtins_end\nbuiltins_end:\n");

#ifdef IS_V8
void _ZNK2v88internal7Isolate18embedded_blob_codeEv(void);
void _ZNK2v88internal7Isolate18embedded_blob_codeEv(void) {}
#else
void last(void);
void last(void) {}
#endif
