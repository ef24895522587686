// SPDX-License-Identifier: Apache-2.0
#include "export/gzip.h"

#include <fmt/format.h>
#include <libdeflate.h>
#include <zlib.h>

#include <algorithm>
#include <climits>
#include <memory>

namespace jtrace::exporting {
namespace {

constexpr int kGzip = 16 + MAX_WBITS;  // zlib's way to ask for a gzip header
constexpr std::size_t kChunk = 256U << 10;

// zlib takes a pointer to non-const, and lengths of 32 bits.
void feed(z_stream& stream, std::string_view& bytes) {
  const std::size_t part = std::min<std::size_t>(bytes.size(), UINT_MAX / 2);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(part);
  bytes.remove_prefix(part);
}

}  // namespace

bool is_gzip(std::string_view bytes) { return bytes.starts_with("\x1f\x8b"); }

// libdeflate's fastest level makes files of the size that zlib's default level makes, in a third of
// the time; its next ones take a third more for 0.4 % (docs/page.md).
std::string gzip(std::string_view bytes) {
  constexpr int kLevel = 1;
  const std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)> compressor(
      libdeflate_alloc_compressor(kLevel), libdeflate_free_compressor);
  if (!compressor) return {};
  std::string out;
  // Memory that is not written to is not there.
  out.resize_and_overwrite(libdeflate_gzip_compress_bound(compressor.get(), bytes.size()),
                           [&](char* to, std::size_t room) {
                             return libdeflate_gzip_compress(compressor.get(), bytes.data(),
                                                             bytes.size(), to, room);
                           });
  return out;
}

Result<std::string> gunzip(std::string_view bytes, std::size_t limit) {
  z_stream stream{};
  if (inflateInit2(&stream, kGzip) != Z_OK) return fail(Errc::Internal, "zlib: no memory");
  const std::unique_ptr<z_stream, decltype(&inflateEnd)> end(&stream, inflateEnd);
  std::string out;
  for (int state = Z_OK; state != Z_STREAM_END;) {
    if (stream.avail_in == 0) feed(stream, bytes);
    const std::size_t size = out.size();
    out.resize(size + kChunk);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + size);
    stream.avail_out = static_cast<uInt>(kChunk);
    state = inflate(&stream, Z_NO_FLUSH);
    out.resize(size + kChunk - stream.avail_out);
    if (state == Z_BUF_ERROR) return fail(Errc::Usage, "gzip data ends too early");
    if (state != Z_OK && state != Z_STREAM_END) return fail(Errc::Usage, "gzip data is damaged");
    if (out.size() > limit) {
      return fail(Errc::Usage, fmt::format("gzip data holds more than {} MB", limit >> 20U));
    }
  }
  return out;
}

}  // namespace jtrace::exporting
