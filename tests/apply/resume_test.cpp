// FileTarget: positions, kept parts, publishing per set, answers.
#include "replicator/apply/file_target.h"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "replicator/delta/signature.h"
#include "tests/apply/apply_fixture.h"

using namespace ha;
using namespace ha::replicator;
using namespace ha::replicator::test;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMiB = 1024 * 1024;

}  // namespace

BOOST_AUTO_TEST_SUITE(apply_resume)

BOOST_AUTO_TEST_CASE(commit_stores_the_position_with_our_own_sum) {
  Target t;
  BOOST_TEST(t.batch({literal_item("a", "1"), literal_item("b", "2")}).troubles.empty());
  const CommitOutcome outcome = t.commit();
  const Digest sum = literal_item("a", "1").header->hash + literal_item("b", "2").header->hash;
  BOOST_TEST((outcome.position == Position{7, 1, 100, sum}));
  BOOST_TEST((t.index.applied("origin").value() == outcome.position));
}

BOOST_AUTO_TEST_CASE(a_lost_connection_keeps_large_parts_and_they_are_resumed) {
  FileTargetOptions options = Target::fast();
  options.partial_bytes_min = kMiB;
  Target t(options);
  const Bytes content = random_content(9, 8 * kMiB);
  const std::vector<ItemPart> parts = split(literal_item("big", content));
  const std::size_t half = parts.size() / 2;
  for (std::size_t i = 0; i < half; ++i) {
    BOOST_REQUIRE(t.target.apply_frame(1, 0, frame_of({parts[i]})).ok());
  }
  BOOST_REQUIRE(t.target.apply_frame(1, 0, frame_of({literal_item("small", "s")})).ok());
  BOOST_REQUIRE(t.target.abort_transfers().ok());
  BOOST_TEST(t.staged_count() == 1U);
  t.reopen();
  const std::vector<KeptPartial> partials = t.target.partials();
  BOOST_REQUIRE(partials.size() == 1U);
  BOOST_TEST(partials[0].key == "big");
  BOOST_TEST((partials[0].content == digest_of(content)));
  const std::vector<ByteRange> ranges = decode_ranges(partials[0].ranges).value();
  BOOST_REQUIRE(ranges.size() == 1U);
  std::vector<ItemPart> rest(parts.begin() + static_cast<std::ptrdiff_t>(half), parts.end());
  rest[0].header = parts[0].header;
  BOOST_TEST(t.batch(rest).troubles.empty());
  check_converged(t, "big", content);
  BOOST_TEST(t.target.partials().empty());
  BOOST_TEST(t.index.partials(10).value().empty());
}

BOOST_AUTO_TEST_CASE(a_kept_part_that_was_damaged_is_not_used) {
  FileTargetOptions options = Target::fast();
  options.partial_bytes_min = kMiB;
  Target t(options);
  const Bytes content = random_content(10, 4 * kMiB);
  const std::vector<ItemPart> parts = split(literal_item("big", content));
  for (const ItemPart& part : parts) {
    BOOST_REQUIRE(t.target.apply_frame(1, 0, frame_of({part})).ok());
  }
  BOOST_REQUIRE(t.target.abort_transfers().ok());
  for (const auto& found : fs::directory_iterator(t.root / ".hareplicate")) {
    if (found.path().filename() != "marker") {
      Bytes staged = read_all(found.path());
      staged[100'000] = static_cast<char>(staged[100'000] + 1);
      write_all(found.path(), staged);
    }
  }
  t.reopen();
  ItemPart header = parts[0];
  header.ops.clear();
  const auto outcome = t.batch({header});
  BOOST_REQUIRE(outcome.troubles.size() == 1U);
  BOOST_TEST(outcome.troubles[0].redo);
  BOOST_TEST(t.batch({literal_item("big", content)}).troubles.empty());
  check_converged(t, "big", content);
}

BOOST_AUTO_TEST_CASE(a_kept_part_of_another_version_goes_when_a_version_arrives) {
  FileTargetOptions options = Target::fast();
  options.partial_bytes_min = kMiB;
  Target t(options);
  const ItemPart old_item = literal_item("big", random_content(11, 4 * kMiB));
  BOOST_REQUIRE(t.target.apply_frame(1, 0, frame_of({old_item})).ok());
  BOOST_REQUIRE(t.target.abort_transfers().ok());
  BOOST_TEST(t.batch({literal_item("big", "now small")}).troubles.empty());
  BOOST_TEST(t.target.partials().empty());
  BOOST_TEST(t.staged_count() == 0U);
}

BOOST_AUTO_TEST_CASE(a_set_is_published_at_commit_and_not_before) {
  FileTargetOptions options = Target::fast();
  options.publish = Publish::PerSet;
  Target t(options);
  BOOST_TEST(t.batch({plain_item("d", meta_of(FileType::Directory, 0750)), literal_item("d/f", "one")})
                 .troubles.empty());
  BOOST_TEST(t.batch({literal_item("g", "two"), link_item("h", "g", "two")}).troubles.empty());
  BOOST_TEST(!fs::exists(t.at("d")));
  BOOST_TEST(!fs::exists(t.at("g")));
  const CommitOutcome outcome = t.commit();
  BOOST_TEST(outcome.published.troubles.empty());
  BOOST_TEST(outcome.published.applied_items == 4U);
  check_converged(t, "d/f", "one");
  BOOST_TEST(inode_of(t.at("g")) == inode_of(t.at("h")));
  BOOST_TEST(t.index.journal_size().value() == 0U);
  BOOST_TEST(t.staged_count() == 0U);
  // An aborted pass leaves nothing.
  BOOST_TEST(t.batch({literal_item("g", "three"), deleted_item("d/f")}).troubles.empty());
  BOOST_REQUIRE(t.target.abort_transfers().ok());
  BOOST_TEST(t.index.journal_size().value() == 0U);
  BOOST_TEST(t.staged_count() == 0U);
  BOOST_TEST(read_all(t.at("g")) == "two");
  BOOST_TEST(read_all(t.at("d/f")) == "one");
}

BOOST_AUTO_TEST_CASE(of_an_item_that_comes_twice_in_a_pass_the_later_one_counts) {
  FileTargetOptions options = Target::fast();
  options.publish = Publish::PerSet;
  Target t(options);
  t.batch({literal_item("f", "one"), literal_item("g", "one")});
  t.commit();
  t.batch({deleted_item("f"), literal_item("g", "two")});
  t.batch({literal_item("f", "two"), literal_item("g", "three")});
  t.batch({deleted_item("g")});
  t.commit();
  check_converged(t, "f", "two");
  BOOST_TEST(!fs::exists(t.at("g")));
  BOOST_TEST(t.index.journal_size().value() == 0U);
  BOOST_TEST(t.staged_count() == 0U);
}

BOOST_AUTO_TEST_CASE(leftovers_are_swept_at_the_start) {
  Target t;
  fs::create_directories(t.root / ".hareplicate" / "left" / "over");
  BOOST_REQUIRE(t.target.apply_frame(1, 0, frame_of({literal_item("f", "x")})).ok());
  BOOST_TEST(t.staged_count() == 2U);
  t.reopen();
  BOOST_TEST(t.staged_count() == 0U);
}

BOOST_AUTO_TEST_CASE(questions_about_chunks_are_answered) {
  Target t;
  const Bytes content = random_content(12, 3 * kMiB);
  BOOST_TEST(t.batch({literal_item("f", content)}).troubles.empty());
  const ChunkList chunks = chunks_of(content);
  const auto reply = t.target.answer({"f", digest_of(content), {1, 3, 1}});
  BOOST_REQUIRE(reply.ok());
  BOOST_REQUIRE(reply->signatures.size() == 2U);
  BOOST_TEST((reply->signatures[0].first == chunks[1].digest));
  BOOST_TEST(reply->signatures[0].second ==
             chunk_signature(content.substr(chunks[0].length, chunks[1].length)).value());
  BOOST_TEST(reply->chunk_list.empty());
  const auto other = t.target.answer({"f", digest_of("other"), {0}});
  BOOST_TEST((other->basis == digest_of(content)));
  BOOST_TEST((other->chunk_list == chunks));
  BOOST_TEST(t.target.answer({"none", digest_of("other"), {0}})->basis.is_zero());
  BOOST_TEST((t.target.answer({"f", digest_of(content), {9999}}).error().code() == Code::Corrupt));
  BOOST_TEST((t.target.answer({"../f", digest_of(content), {0}}).error().code() == Code::Invalid));
  BOOST_TEST(
      (t.target.answer({".hareplicate/marker", digest_of(content), {0}}).error().code() == Code::Refused));
}

BOOST_AUTO_TEST_SUITE_END()
