#include "replicator/apply/answer.h"

#include <set>

#include "replicator/apply/live_content.h"
#include "replicator/delta/signature.h"

namespace ha::replicator {
namespace {

SignatureReply other_basis(const SignatureRequest& request, const LiveContent& live) {
  BasisReport report = live.report();
  SignatureReply reply;
  reply.key = request.key;
  reply.basis = report.content;
  reply.chunk_list = std::move(report.chunks);
  return reply;
}

// False: a chunk is not what it was known to be.
Result<bool> sign(ApplyContext& context, const SignatureRequest& request, const LiveContent& live,
                  SignatureReply& reply) {
  const std::vector<std::uint64_t> offsets = chunk_offsets(live.chunks);
  std::set<Digest> signed_already;
  std::uint64_t bytes = 0;
  for (const std::uint32_t number : request.chunks) {
    if (number >= live.chunks.size()) {
      return Error(Code::Corrupt, "a question names a chunk that its basis does not have");
    }
    const Chunk& chunk = live.chunks[number];
    if (chunk.is_zeros() || !signed_already.insert(chunk.digest).second) {
      continue;
    }
    bytes += chunk.length;
    if (bytes > kAnswerBytesMax) {
      break;
    }
    HA_TRY(const Bytes data, live.file.read_at(offsets[number], chunk.length));
    if (data.size() != chunk.length || sys::digest(context.key, data) != chunk.digest) {
      return false;
    }
    HA_TRY(Bytes signature, chunk_signature(data));
    reply.signatures.emplace_back(chunk.digest, std::move(signature));
  }
  return true;
}

}  // namespace

Result<SignatureReply> answer_signatures(ApplyContext& context, const SignatureRequest& request) {
  HA_CHECK(sys::check_key(request.key));
  if (is_reserved_key(request.key)) {
    return Error(Code::Refused, "a question about the staging directory");
  }
  HA_TRY(LiveContent live, open_live(context.root, context.index, context.key, request.key));
  if (live.content != request.basis || live.content.is_zero()) {
    return other_basis(request, live);
  }
  SignatureReply reply;
  reply.key = request.key;
  reply.basis = live.content;
  HA_TRY(const bool right, sign(context, request, live, reply));
  if (right) {
    return reply;
  }
  HA_TRY(live, open_live(context.root, context.index, context.key, request.key, Trust::Read));
  return other_basis(request, live);
}

}  // namespace ha::replicator
