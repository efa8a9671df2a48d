// Everything that calls librsync, behind signature.h and patch.h.

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include <librsync.h>

#include "common/sys/unique.h"
#include "replicator/delta/patch.h"
#include "replicator/delta/signature.h"
#include "replicator/model/chunk.h"

namespace ha::replicator {

namespace {

using Job = sys::Unique<rs_job_t, rs_job_free>;
using Sums = sys::Unique<rs_signature_t, rs_free_sumset>;

constexpr std::size_t kSignatureHeaderBytes = 12;
constexpr std::size_t kFirstOutputBytes = 16 * 1024;
constexpr std::size_t kMessageBytesMax = 200;

// The last thing librsync said on this thread; without a receiver it writes to stderr.
thread_local std::string last_message;

extern "C" void keep_message(rs_loglevel, const char* message) noexcept {
  try {
    last_message.assign(message == nullptr ? "" : message);
    last_message.resize(std::min(last_message.size(), kMessageBytesMax));
    while (!last_message.empty() && last_message.back() == '\n') {
      last_message.pop_back();
    }
  } catch (...) {
    last_message.clear();
  }
}

void listen() {
  static const bool listening = [] {
    rs_trace_set_level(RS_LOG_ERR);
    rs_trace_to(keep_message);
    return true;
  }();
  static_cast<void>(listening);
  last_message.clear();
}

Error librsync_error(const char* doing, rs_result result) {
  std::string what = std::string(doing) + ": " + rs_strerror(result);
  if (!last_message.empty()) {
    what += " (" + last_message + ")";
  }
  return Error(result == RS_MEM_ERROR ? Code::Exhausted : Code::Corrupt, std::move(what));
}

// Runs a job over the whole input. Everything it can complain about is the fault of its input.
Result<Bytes> drive(const char* doing, rs_job_t* job, BytesView input, std::size_t output_bytes_max) {
  // One more than the limit, so that a job which has just filled it can still find its end.
  const std::size_t room_max = output_bytes_max + 1;
  Bytes out(std::min(room_max, kFirstOutputBytes), '\0');
  std::size_t written = 0;
  rs_buffers_t buffers{};
  buffers.next_in = const_cast<char*>(input.data());  // librsync only reads from it
  buffers.avail_in = input.size();
  buffers.eof_in = 1;
  for (;;) {
    buffers.next_out = out.data() + written;
    buffers.avail_out = out.size() - written;
    const rs_result result = rs_job_iter(job, &buffers);
    written = out.size() - buffers.avail_out;
    if (written > output_bytes_max) {
      return Error(Code::Corrupt,
                   std::string(doing) + ": gives more than " + std::to_string(output_bytes_max) + " bytes");
    }
    if (result == RS_DONE) {
      break;
    }
    if (result != RS_BLOCKED) {
      return librsync_error(doing, result);
    }
    if (buffers.avail_out > 0) {
      return Error(Code::Corrupt, std::string(doing) + ": the input ends too early");
    }
    out.resize(std::min(room_max, out.size() * 2));
  }
  if (buffers.avail_in > 0) {
    return Error(Code::Corrupt, std::string(doing) + ": bytes after the end");
  }
  out.resize(written);
  return out;
}

struct CopySource {
  const BasisReader& read;
  std::optional<Error> error;
};

extern "C" rs_result copy_from_basis(void* opaque, rs_long_t position, std::size_t* length,
                                     void** buffer) noexcept {
  auto& source = *static_cast<CopySource*>(opaque);
  if (position < 0 || *length == 0) {
    return RS_CORRUPT;
  }
  Result<BytesView> bytes = source.read(static_cast<std::uint64_t>(position), *length);
  if (!bytes.ok()) {
    source.error = std::move(bytes).error();
    return RS_IO_ERROR;
  }
  HA_ASSERT(!bytes->empty() && bytes->size() <= *length);
  *length = bytes->size();
  *buffer = const_cast<char*>(bytes->data());  // librsync only reads from it
  return RS_DONE;
}

}  // namespace

Result<Bytes> chunk_signature(BytesView chunk) {
  if (chunk.empty() || chunk.size() > kDataChunkBytesMax) {
    return Error(Code::Invalid, "a chunk of " + std::to_string(chunk.size()) + " bytes has no signature");
  }
  listen();
  const Job job(rs_sig_begin(kSignatureBlockBytes, kSignatureSumBytes - 4, RS_RK_MD4_SIG_MAGIC));
  const std::size_t body_bytes = signature_bytes(static_cast<std::uint32_t>(chunk.size()));
  HA_TRY(Bytes signature, drive("signature", job.get(), chunk, kSignatureHeaderBytes + body_bytes));
  if (signature.size() != kSignatureHeaderBytes + body_bytes) {
    return Error(Code::Internal,
                 "librsync made a signature of " + std::to_string(signature.size()) + " bytes");
  }
  return signature.substr(kSignatureHeaderBytes);
}

Result<Bytes> make_delta(BytesView combined_signature, BytesView new_run) {
  listen();
  rs_signature_t* loaded = nullptr;
  const Job load(rs_loadsig_begin(&loaded));
  auto nothing = drive("signature", load.get(), combined_signature, 0);
  const Sums sums(loaded);
  if (!nothing.ok()) {
    return std::move(nothing).error();
  }
  if (const rs_result result = rs_build_hash_table(sums.get()); result != RS_DONE) {
    return librsync_error("signature", result);
  }
  const Job job(rs_delta_begin(sums.get()));
  // At worst every byte is a literal behind a command byte of its own, and copies are shorter than that.
  return drive("delta", job.get(), new_run, 2 * new_run.size() + kFirstOutputBytes);
}

Result<Bytes> apply_delta(BytesView delta, const BasisReader& basis, std::size_t output_bytes_max) {
  listen();
  CopySource source{basis, std::nullopt};
  const Job job(rs_patch_begin(copy_from_basis, &source));
  auto result = drive("delta", job.get(), delta, output_bytes_max);
  if (source.error) {
    return std::move(*source.error);
  }
  return result;
}

}  // namespace ha::replicator
