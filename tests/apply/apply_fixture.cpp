#include "tests/apply/apply_fixture.h"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "common/base/random.h"
#include "replicator/delta/chunker.h"
#include "replicator/delta/patch.h"
#include "replicator/delta/plan.h"
#include "replicator/delta/signature.h"
#include "replicator/model/item_hash.h"

namespace ha::replicator::test {
namespace fs = std::filesystem;

const sys::DigestKey& test_key() {
  static const sys::DigestKey key = sys::DigestKey::from_bytes(Bytes(32, 'k')).value();
  return key;
}

TemporaryDirectory::TemporaryDirectory() {
  std::string pattern = (fs::temp_directory_path() / "ha-apply-XXXXXX").string();
  BOOST_REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  if (const auto parent = sys::Directory::open_root(path_.parent_path().string()); parent.ok()) {
    static_cast<void>(parent->remove_tree(path_.filename().string()));
  }
}

Bytes random_content(std::uint64_t seed, std::size_t bytes) {
  Random random(seed);
  Bytes out(bytes, '\0');
  for (std::size_t at = 0; at < bytes; at += 8) {
    const std::uint64_t value = random.next() | 1U;
    std::memcpy(out.data() + at, &value, std::min<std::size_t>(8, bytes - at));
  }
  return out;
}

FileMeta meta_of(FileType type, std::uint32_t mode) {
  FileMeta meta;
  meta.type = type;
  meta.mode = mode;
  meta.uid = ::geteuid();
  meta.gid = ::getegid();
  meta.mtime_s = 1'600'000'000;
  meta.mtime_ns = 123'456'789;
  return meta;
}

ChunkList chunks_of(BytesView content) {
  Chunker chunker(test_key(), content.size());
  BOOST_REQUIRE(chunker.feed(content).ok());
  return chunker.finish().value();
}

Digest digest_of(BytesView content) {
  return content_digest(test_key(), chunks_of(content), content.size()).value();
}

Entry header_of(const Bytes& key, const FileMeta& meta, BytesView content) {
  Entry header;
  header.key = key;
  header.rank = rank_of(meta.type);
  header.meta = encode_meta(meta);
  header.size = meta.type == FileType::Regular ? content.size() : 0;
  if (meta.type == FileType::Regular || meta.type == FileType::HardLink) {
    header.content = digest_of(content);
  }
  header.hash = item_hash(test_key(), header);
  return header;
}

ItemPart plain_item(const Bytes& key, const FileMeta& meta) {
  ItemPart part;
  part.key = key;
  part.header = header_of(key, meta);
  return part;
}

ItemPart deleted_item(const Bytes& key) {
  ItemPart part;
  part.key = key;
  Entry header;
  header.key = key;
  header.deleted = true;
  header.rank = Rank::Delete;
  part.header = header;
  return part;
}

ItemPart link_item(const Bytes& key, const Bytes& leader, BytesView content) {
  FileMeta meta = meta_of(FileType::HardLink);
  meta.target = leader;
  ItemPart part;
  part.key = key;
  part.header = header_of(key, meta, content);
  part.content = part.header->content;
  return part;
}

ItemPart literal_item(const Bytes& key, BytesView content, const FileMeta& meta) {
  return delta_item(key, {}, content, meta);
}

ItemPart literal_item(const Bytes& key, BytesView content) {
  return literal_item(key, content, meta_of(FileType::Regular));
}

ItemPart same_content_item(const Bytes& key, BytesView content, const FileMeta& meta) {
  ItemPart part;
  part.key = key;
  part.header = header_of(key, meta, content);
  part.content = part.header->content;
  part.basis = part.content;
  return part;
}

namespace {

PatchOp patch_of(const Run& run, const ChunkList& old_chunks, BytesView old_content, BytesView new_run) {
  PatchOp op;
  op.old_first = static_cast<std::uint32_t>(run.old_first);
  op.old_count = static_cast<std::uint32_t>(run.old_count);
  std::vector<Bytes> signatures;
  std::vector<ChunkSignature> parts;
  std::uint64_t at = 0;
  for (std::size_t i = 0; i < run.old_first; ++i) {
    at += old_chunks[i].length;
  }
  signatures.reserve(run.old_count);
  for (std::size_t i = run.old_first; i < run.old_first + run.old_count; ++i) {
    signatures.push_back(chunk_signature(old_content.substr(at, old_chunks[i].length)).value());
    parts.push_back({old_chunks[i].length, signatures.back()});
    at += old_chunks[i].length;
  }
  op.delta = make_delta(combine(parts).value(), new_run).value();
  return op;
}

}  // namespace

ItemPart delta_item(const Bytes& key, BytesView old_content, BytesView new_content, const FileMeta& meta) {
  ItemPart part = same_content_item(key, new_content, meta);
  const ChunkList old_chunks = chunks_of(old_content);
  const ChunkList new_chunks = chunks_of(new_content);
  part.basis = old_content.empty() ? Digest{} : digest_of(old_content);
  for (const PlanOp& planned : plan(old_chunks, new_chunks)) {
    Op op;
    if (const auto* copy = std::get_if<Copy>(&planned)) {
      op.offset = copy->new_offset;
      op.kind = CopyOp{static_cast<std::uint32_t>(copy->old_first), static_cast<std::uint32_t>(copy->count)};
    } else if (const auto* zeros = std::get_if<Zeros>(&planned)) {
      op.offset = zeros->new_offset;
      op.kind = ZerosOp{zeros->bytes};
    } else {
      const Run& run = std::get<Run>(planned);
      const auto first = new_chunks.begin() + static_cast<std::ptrdiff_t>(run.new_first);
      const ChunkList chunks(first, first + static_cast<std::ptrdiff_t>(run.new_count));
      const BytesView data = new_content.substr(run.new_offset, run.bytes);
      op.offset = run.new_offset;
      if (run.old_count > 0) {
        PatchOp patch = patch_of(run, old_chunks, old_content, data);
        patch.chunks = chunks;
        op.kind = std::move(patch);
      } else {
        op.kind = LiteralOp{chunks, Bytes(data)};
      }
    }
    part.ops.push_back(std::move(op));
  }
  return part;
}

std::vector<ItemPart> split(const ItemPart& item) {
  std::vector<ItemPart> out;
  for (const Op& op : item.ops) {
    ItemPart part;
    part.key = item.key;
    part.content = item.content;
    part.basis = item.basis;
    part.ops = {op};
    if (out.empty()) {
      part.header = item.header;
    }
    out.push_back(std::move(part));
  }
  return out;
}

Bytes frame_of(std::vector<ItemPart> parts) {
  return encode_frame(Frame{std::move(parts)});
}

FileTargetOptions Target::fast() {
  FileTargetOptions options;
  options.sync = SyncMode::None;
  return options;
}

Target::Target(const FileTargetOptions& target_options)
    : root(directory.path() / "root"),
      options(target_options),
      index(Index::open((directory.path() / "index").string()).value()),
      target((fs::create_directory(root),
              FileTarget::open(root.string(), index, test_key(), target_options).value())) {
  BOOST_REQUIRE(target.recover().ok());
}

Target::Target(const std::string& root_path, const std::string& index_path,
               const FileTargetOptions& target_options)
    : root(root_path),
      options(target_options),
      index(Index::open(index_path).value()),
      target(FileTarget::open(root_path, index, test_key(), target_options).value()) {}

Result<BatchOutcome> Target::try_batch(const std::vector<ItemPart>& items) {
  const std::uint64_t number = next_batch++;
  std::uint32_t frame = 0;
  for (const ItemPart& item : items) {
    HA_CHECK(target.apply_frame(number, frame++, frame_of({item})));
  }
  return target.close_batch(number);
}

BatchOutcome Target::batch(const std::vector<ItemPart>& items) {
  auto outcome = try_batch(items);
  BOOST_REQUIRE_MESSAGE(outcome.ok(), text_of(outcome));
  for (const Trouble& trouble : outcome->troubles) {
    BOOST_TEST_MESSAGE("trouble: " << escape(trouble.key) << ": " << trouble.reason);
  }
  return std::move(outcome).value();
}

CommitOutcome Target::commit() {
  auto outcome = target.commit("origin", Position{7, 1, 100, {}});
  BOOST_REQUIRE_MESSAGE(outcome.ok(), text_of(outcome));
  return std::move(outcome).value();
}

Recovery Target::reopen() {
  target = FileTarget::open(root.string(), index, test_key(), options).value();
  auto recovery = target.recover();
  BOOST_REQUIRE_MESSAGE(recovery.ok(), text_of(recovery));
  return std::move(recovery).value();
}

std::optional<Entry> Target::entry(const Bytes& key) {
  return index.get(key).value();
}

std::size_t Target::staged_count() const {
  std::size_t count = 0;
  for (const auto& found : fs::directory_iterator(root / ".hareplicate")) {
    count += found.path().filename() == "marker" ? 0U : 1U;
  }
  return count;
}

Bytes read_all(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

void write_all(const fs::path& path, BytesView content) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
}

std::uint64_t inode_of(const fs::path& path) {
  struct stat facts {};
  BOOST_REQUIRE_EQUAL(::lstat(path.c_str(), &facts), 0);
  return facts.st_ino;
}

bool is_root(const char* for_what) {
  if (::geteuid() == 0) {
    return true;
  }
  BOOST_TEST_MESSAGE("skipped, not root: " << for_what);
  return false;
}

struct stat stat_of(const std::filesystem::path& path) {
  struct stat facts {};
  BOOST_REQUIRE_EQUAL(::lstat(path.c_str(), &facts), 0);
  return facts;
}

void check_converged(Target& t, const Bytes& key, BytesView content) {
  BOOST_TEST((read_all(t.at(key)) == content));
  const auto entry = t.entry(key);
  BOOST_REQUIRE(entry.has_value());
  BOOST_TEST((entry->content == digest_of(content)));
  const LocalStat local = decode_local(entry->local).value();
  const struct stat facts = stat_of(t.at(key));
  BOOST_TEST(local.inode == facts.st_ino);
  BOOST_TEST(local.ctime_ns == facts.st_ctim.tv_nsec);
}

}  // namespace ha::replicator::test
