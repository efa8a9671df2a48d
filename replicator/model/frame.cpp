#include "replicator/model/frame.h"

#include "schemas/replication.pb.h"

namespace ha::replicator {
namespace {

namespace pb = ha::schemas::replication;

constexpr int kPartsMax = 65536;
constexpr int kOpsMax = 65536;
constexpr int kSignaturesMax = 65536;
constexpr std::size_t kRangesMax = 65536;
constexpr std::size_t kRangeRecordBytes = 16;

Error corrupt(const char* what) {
  return Error(Code::Corrupt, std::string("frame: ") + what);
}

void put_chunk_digest(const Digest& digest, std::string* out) {
  if (!digest.is_zero()) {
    *out = digest_bytes(digest);
  }
}

// An absent digest is the zero digest; any other length is a lie.
bool read_digest(const std::string& in, Digest& out) {
  return in.empty() || parse_digest(in, out);
}

struct OpEncoder {
  pb::Op& out;
  void operator()(const CopyOp& op) const {
    out.mutable_copy()->set_old_first(op.old_first);
    out.mutable_copy()->set_old_count(op.old_count);
  }
  void operator()(const LiteralOp& op) const {
    out.mutable_literal()->set_chunks(encode_chunks(op.chunks));
    out.mutable_literal()->set_data(op.data);
  }
  void operator()(const PatchOp& op) const {
    out.mutable_patch()->set_chunks(encode_chunks(op.chunks));
    out.mutable_patch()->set_old_first(op.old_first);
    out.mutable_patch()->set_old_count(op.old_count);
    out.mutable_patch()->set_delta(op.delta);
  }
  void operator()(const ZerosOp& op) const { out.set_zeros(op.bytes); }
};

Result<Op> decode_op(pb::Op& in) {
  Op op;
  op.offset = in.offset();
  switch (in.kind_case()) {
    case pb::Op::kCopy:
      op.kind = CopyOp{in.copy().old_first(), in.copy().old_count()};
      return op;
    case pb::Op::kLiteral: {
      HA_TRY(ChunkList chunks, decode_chunks(in.literal().chunks()));
      if (total_bytes(chunks) != in.literal().data().size()) {
        return corrupt("literal data does not have the length of its chunks");
      }
      op.kind = LiteralOp{std::move(chunks), std::move(*in.mutable_literal()->mutable_data())};
      return op;
    }
    case pb::Op::kPatch: {
      HA_TRY(ChunkList chunks, decode_chunks(in.patch().chunks()));
      op.kind = PatchOp{std::move(chunks), in.patch().old_first(), in.patch().old_count(),
                        std::move(*in.mutable_patch()->mutable_delta())};
      return op;
    }
    case pb::Op::kZeros:
      op.kind = ZerosOp{in.zeros()};
      return op;
    case pb::Op::KIND_NOT_SET:
      break;
  }
  return corrupt("an instruction of unknown kind");
}

Result<Entry> decode_header(pb::ItemPart& in, const Digest& content) {
  pb::Header& from = *in.mutable_header();
  if (from.rank() > static_cast<std::uint32_t>(Rank::Delete) || from.meta().size() > kMetaBytesMax) {
    return corrupt("an item header is out of range");
  }
  Entry entry;
  entry.key = in.key();
  entry.content = content;
  entry.sequence = from.sequence();
  entry.deleted = from.deleted();
  entry.rank = static_cast<Rank>(from.rank());
  entry.size = from.size();
  entry.meta = std::move(*from.mutable_meta());
  if (!read_digest(from.hash(), entry.hash) || entry.hash.is_zero() != entry.deleted) {
    return corrupt("an item header has no valid hash");
  }
  return entry;
}

Result<ItemPart> decode_part(pb::ItemPart& in) {
  if (in.key().empty() || in.key().size() > kKeyBytesMax || in.ops_size() > kOpsMax) {
    return corrupt("a part has no valid key, or too many instructions");
  }
  ItemPart part;
  if (!read_digest(in.content(), part.content) || !read_digest(in.basis(), part.basis)) {
    return corrupt("a digest has the wrong length");
  }
  if (in.has_header()) {
    HA_TRY(part.header, decode_header(in, part.content));
  }
  part.ops.reserve(static_cast<std::size_t>(in.ops_size()));
  for (pb::Op& from : *in.mutable_ops()) {
    HA_TRY(Op op, decode_op(from));
    part.ops.push_back(std::move(op));
  }
  part.key = std::move(*in.mutable_key());
  return part;
}

}  // namespace

Bytes encode_frame(const Frame& frame) {
  pb::Frame out;
  for (const ItemPart& part : frame.parts) {
    pb::ItemPart& to = *out.add_parts();
    to.set_key(part.key);
    put_chunk_digest(part.content, to.mutable_content());
    put_chunk_digest(part.basis, to.mutable_basis());
    if (part.header) {
      pb::Header& header = *to.mutable_header();
      header.set_sequence(part.header->sequence);
      header.set_deleted(part.header->deleted);
      header.set_rank(static_cast<std::uint32_t>(part.header->rank));
      put_chunk_digest(part.header->hash, header.mutable_hash());
      header.set_size(part.header->size);
      header.set_meta(part.header->meta);
    }
    for (const Op& op : part.ops) {
      pb::Op& op_out = *to.add_ops();
      op_out.set_offset(op.offset);
      std::visit(OpEncoder{op_out}, op.kind);
    }
  }
  return out.SerializeAsString();
}

Result<Frame> decode_frame(BytesView bytes) {
  pb::Frame in;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return corrupt("does not parse");
  }
  if (in.parts_size() > kPartsMax) {
    return corrupt("too many parts");
  }
  Frame frame;
  frame.parts.reserve(static_cast<std::size_t>(in.parts_size()));
  for (pb::ItemPart& from : *in.mutable_parts()) {
    HA_TRY(ItemPart part, decode_part(from));
    frame.parts.push_back(std::move(part));
  }
  return frame;
}

Bytes encode_request(const SignatureRequest& request) {
  pb::SignatureRequest out;
  out.set_key(request.key);
  out.set_basis(digest_bytes(request.basis));
  for (const std::uint32_t chunk : request.chunks) {
    out.add_chunks(chunk);
  }
  return out.SerializeAsString();
}

Result<SignatureRequest> decode_request(BytesView bytes) {
  pb::SignatureRequest in;
  SignatureRequest request;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || in.key().empty() ||
      in.key().size() > kKeyBytesMax || in.chunks_size() > kSignaturesMax ||
      !parse_digest(in.basis(), request.basis)) {
    return corrupt("signature request does not parse");
  }
  request.key = std::move(*in.mutable_key());
  request.chunks.assign(in.chunks().begin(), in.chunks().end());
  return request;
}

Bytes encode_reply(const SignatureReply& reply) {
  pb::SignatureReply out;
  out.set_key(reply.key);
  out.set_basis(digest_bytes(reply.basis));
  out.set_chunk_list(encode_chunks(reply.chunk_list));
  for (const auto& [digest, signature] : reply.signatures) {
    out.add_digests(digest_bytes(digest));
    out.add_signatures(signature);
  }
  return out.SerializeAsString();
}

Result<SignatureReply> decode_reply(BytesView bytes) {
  pb::SignatureReply in;
  SignatureReply reply;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || in.key().empty() ||
      in.key().size() > kKeyBytesMax || in.signatures_size() > kSignaturesMax ||
      in.digests_size() != in.signatures_size() || !parse_digest(in.basis(), reply.basis)) {
    return corrupt("signature reply does not parse");
  }
  HA_TRY(reply.chunk_list, decode_chunks(in.chunk_list()));
  for (int i = 0; i < in.signatures_size(); ++i) {
    Digest digest;
    if (!parse_digest(in.digests(i), digest)) {
      return corrupt("signature reply has a digest of the wrong length");
    }
    reply.signatures.emplace_back(digest, std::move(*in.mutable_signatures(i)));
  }
  reply.key = std::move(*in.mutable_key());
  return reply;
}

Bytes encode_basis(const BasisReport& basis) {
  return digest_bytes(basis.content) + encode_chunks(basis.chunks);
}

Result<BasisReport> decode_basis(BytesView bytes) {
  if (bytes.size() < kDigestBytes) {
    return corrupt("basis report is cut short");
  }
  BasisReport basis;
  basis.content = get_digest(bytes, 0);
  HA_TRY(basis.chunks, decode_chunks(bytes.substr(kDigestBytes)));
  return basis;
}

Bytes encode_ranges(const std::vector<ByteRange>& ranges) {
  Bytes out;
  for (const ByteRange& range : ranges) {
    put_u64(out, range.offset);
    put_u64(out, range.bytes);
  }
  return out;
}

Result<std::vector<ByteRange>> decode_ranges(BytesView bytes) {
  if (bytes.size() % kRangeRecordBytes != 0 || bytes.size() / kRangeRecordBytes > kRangesMax) {
    return corrupt("range list has the wrong length");
  }
  std::vector<ByteRange> ranges;
  std::uint64_t end = 0;
  for (std::size_t at = 0; at < bytes.size(); at += kRangeRecordBytes) {
    const ByteRange range{get_u64(bytes, at), get_u64(bytes, at + 8)};
    if (range.offset < end || range.bytes == 0 || range.bytes > (1ULL << 62) || range.offset > (1ULL << 62)) {
      return corrupt("ranges are not in order");
    }
    end = range.offset + range.bytes;
    ranges.push_back(range);
  }
  return ranges;
}

}  // namespace ha::replicator
