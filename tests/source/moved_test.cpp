// What was moved, as the source tells it: a name for the content, and deletions last.
#include "replicator/source/frame_builder.h"
#include "replicator/source/signature_maker.h"
#include "tests/source/tree_fixture.h"

namespace fs = std::filesystem;

namespace ha::replicator {
namespace {

struct MovedFixture : TreeFixture {
  const Bytes content = Bytes(20'000, 'c');
  IndexSignatures signatures{index};

  ItemPart build(BuildItem item) {
    FrameBuilder builder(root, index, key, signatures, {std::move(item)});
    BuildStep step = must(builder.next());
    const auto* ready = std::get_if<FrameReady>(&step);
    BOOST_REQUIRE(ready != nullptr);
    Frame frame = must(decode_frame(ready->body));
    BOOST_REQUIRE(frame.parts.size() == 1U);
    return std::move(frame.parts[0]);
  }
};

}  // namespace
}  // namespace ha::replicator

BOOST_AUTO_TEST_SUITE(source_moved)

using namespace ha;
using namespace ha::replicator;

BOOST_FIXTURE_TEST_CASE(what_was_moved_is_named_and_not_sent, MovedFixture) {
  write("new", content);
  scan();
  const ItemPart part = build({"new", {}, {}, entry("new")->content});
  BOOST_TEST(part.ops.empty());
  BOOST_TEST((part.basis == part.content));
  BOOST_TEST((part.header->hash == entry("new")->hash));
}

BOOST_FIXTURE_TEST_CASE(what_has_changed_since_it_was_listed_is_sent, MovedFixture) {
  write("new", content);
  scan();
  const Digest listed = entry("new")->content;
  write("new", Bytes(10'000, 'd'));
  scan();
  const ItemPart part = build({"new", {}, {}, listed});
  BOOST_TEST(part.ops.size() == 1U);
  BOOST_TEST(part.basis.is_zero());
}

// A pass may begin while a scan is under way: it must not have the deletions alone.
BOOST_FIXTURE_TEST_CASE(deletions_are_recorded_after_all_else, MovedFixture) {
  for (int i = 0; i < 5; ++i) {
    write("a/" + std::to_string(i), content + std::to_string(i));
  }
  scan();
  fs::rename(path("a"), path("z"));
  scan();
  std::uint64_t newest = 0;
  std::uint64_t oldest_gone = ~0ULL;
  for (int i = 0; i < 5; ++i) {
    newest = std::max(newest, entry("z/" + std::to_string(i))->sequence);
    oldest_gone = std::min(oldest_gone, must(index.get("a/" + std::to_string(i)))->sequence);
    BOOST_TEST(!entry("a/" + std::to_string(i)));
  }
  BOOST_TEST(newest < oldest_gone);
}

BOOST_AUTO_TEST_SUITE_END()
