/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Load-time configuration: constants to the verifier, so what is off is not even there. */
#pragma once

const volatile struct jt_config cfg = {
	.max_frames = JT_MAX_FRAMES,
};
