#include "replicator/model/file_meta.h"

#include <algorithm>

namespace ha::replicator {
namespace {

constexpr char kMetaVersion = 1;
constexpr char kUnitMetaVersion = 2;  // of a unit: its digest comes last
constexpr std::size_t kNameBytesMax = 255;
constexpr std::size_t kTargetBytesMax = kKeyBytesMax;
constexpr std::size_t kLocalBytes = 8 + 8 + 8 + 4 + 8 + 4;

void put_text(Bytes& out, BytesView text) {
  put_u32(out, static_cast<std::uint32_t>(text.size()));
  out += text;
}

// Reads fixed fields and counted strings; after the first overrun every read gives zero and ok() is false.
class Reader {
 public:
  explicit Reader(BytesView in) : in_(in) {}

  std::uint8_t u8() { return need(1) ? static_cast<std::uint8_t>(in_[at_++]) : std::uint8_t{0}; }
  std::uint32_t u32() {
    if (!need(4)) {
      return 0;
    }
    at_ += 4;
    return get_u32(in_, at_ - 4);
  }
  std::uint64_t u64() {
    if (!need(8)) {
      return 0;
    }
    at_ += 8;
    return get_u64(in_, at_ - 8);
  }
  Bytes text(std::size_t limit) {
    const std::size_t length = u32();
    if (length > limit || !need(length)) {
      ok_ = false;
      return {};
    }
    at_ += length;
    return Bytes(in_.substr(at_ - length, length));
  }
  Digest digest() {
    if (!need(kDigestBytes)) {
      return {};
    }
    at_ += kDigestBytes;
    return get_digest(in_, at_ - kDigestBytes);
  }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return ok_ && at_ == in_.size(); }

 private:
  bool need(std::size_t bytes) {
    ok_ = ok_ && in_.size() - at_ >= bytes;
    return ok_;
  }
  BytesView in_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

Error corrupt(const char* what) {
  return Error(Code::Corrupt, std::string("file metadata: ") + what);
}

Status read_xattrs(Reader& in, FileMeta& meta) {
  const std::uint32_t count = in.u32();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    Bytes name = in.text(kNameBytesMax);
    Bytes value = in.text(kMetaBytesMax);
    if (name.empty() || name.find('\0') != Bytes::npos) {
      return corrupt("an extended attribute has no valid name");
    }
    if (!meta.xattrs.empty() && meta.xattrs.back().first >= name) {
      return corrupt("extended attributes are not in order");
    }
    meta.xattrs.emplace_back(std::move(name), std::move(value));
  }
  return ok();
}

}  // namespace

Bytes encode_meta(FileMeta meta) {
  std::sort(meta.xattrs.begin(), meta.xattrs.end());
  Bytes out;
  out += meta.unit ? kUnitMetaVersion : kMetaVersion;
  out += static_cast<char>(meta.type);
  put_u32(out, meta.mode);
  put_u32(out, meta.uid);
  put_u32(out, meta.gid);
  put_text(out, meta.user);
  put_text(out, meta.group);
  put_u64(out, static_cast<std::uint64_t>(meta.mtime_s));
  put_u32(out, meta.mtime_ns);
  put_u64(out, meta.device);
  put_text(out, meta.target);
  put_u32(out, static_cast<std::uint32_t>(meta.xattrs.size()));
  for (const auto& [name, value] : meta.xattrs) {
    put_text(out, name);
    put_text(out, value);
  }
  if (meta.unit) {
    put_digest(out, *meta.unit);
  }
  return out;
}

Result<FileMeta> decode_meta(BytesView bytes) {
  if (bytes.size() > kMetaBytesMax) {
    return corrupt("too long");
  }
  Reader in(bytes);
  const std::uint8_t version = in.u8();
  if (version != kMetaVersion && version != kUnitMetaVersion) {
    return corrupt("unknown version");
  }
  FileMeta meta;
  const std::uint8_t type = in.u8();
  if (type < 1 || type > static_cast<std::uint8_t>(FileType::HardLink)) {
    return corrupt("unknown file type");
  }
  meta.type = static_cast<FileType>(type);
  meta.mode = in.u32();
  meta.uid = in.u32();
  meta.gid = in.u32();
  meta.user = in.text(kNameBytesMax);
  meta.group = in.text(kNameBytesMax);
  meta.mtime_s = static_cast<std::int64_t>(in.u64());
  meta.mtime_ns = in.u32();
  meta.device = in.u64();
  meta.target = in.text(kTargetBytesMax);
  HA_CHECK(read_xattrs(in, meta));
  if (version == kUnitMetaVersion) {
    meta.unit = in.digest();
  }
  if (!in.at_end()) {
    return corrupt(in.ok() ? "bytes after its end" : "cut short");
  }
  const bool has_target = meta.type == FileType::Symlink || meta.type == FileType::HardLink;
  if (meta.mode > 07777 || meta.mtime_ns > 999'999'999 || has_target == meta.target.empty() ||
      meta.target.find('\0') != Bytes::npos || (meta.unit && meta.type != FileType::Directory)) {
    return corrupt("a field is out of range");
  }
  return meta;
}

Rank rank_of(FileType type) noexcept {
  switch (type) {
    case FileType::Directory:
      return Rank::Container;
    case FileType::HardLink:
      return Rank::Link;
    case FileType::Regular:
    case FileType::Symlink:
    case FileType::Fifo:
    case FileType::Socket:
    case FileType::CharDevice:
    case FileType::BlockDevice:
      return Rank::Content;
  }
  return Rank::Content;
}

Bytes encode_local(const LocalStat& local) {
  Bytes out;
  put_u64(out, local.inode);
  put_u64(out, local.size);
  put_u64(out, static_cast<std::uint64_t>(local.mtime_s));
  put_u32(out, local.mtime_ns);
  put_u64(out, static_cast<std::uint64_t>(local.ctime_s));
  put_u32(out, local.ctime_ns);
  return out;
}

Result<LocalStat> decode_local(BytesView bytes) {
  if (bytes.size() != kLocalBytes) {
    return corrupt("local record has the wrong length");
  }
  return LocalStat{get_u64(bytes, 0),
                   get_u64(bytes, 8),
                   static_cast<std::int64_t>(get_u64(bytes, 16)),
                   get_u32(bytes, 24),
                   static_cast<std::int64_t>(get_u64(bytes, 28)),
                   get_u32(bytes, 36)};
}

}  // namespace ha::replicator
