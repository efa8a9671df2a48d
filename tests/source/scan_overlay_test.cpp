// Files that are altered at this site: what the scanner records of them, and what is sent.
#include <map>

#include "replicator/source/content_reader.h"
#include "replicator/source/frame_builder.h"
#include "replicator/source/signature_maker.h"
#include "tests/source/tree_fixture.h"

namespace ha::replicator {
namespace {

class Pristines final : public PristineView {
 public:
  [[nodiscard]] bool covers(BytesView key) const override { return key.starts_with("a"); }
  [[nodiscard]] Result<std::optional<Bytes>> pristine_of(BytesView, BytesView live) override {
    seen.push_back(Bytes(live));
    if (fails) {
      return Error(Code::Refused, "its overlay can no longer be undone");
    }
    return pristine;
  }

  std::optional<Bytes> pristine;
  bool fails = false;
  std::vector<Bytes> seen;
};

struct OverlaidTree : TreeFixture {
  Pristines overlays;
  OverlaidTree() { options.overlays = &overlays; }

  Digest digest_of(const Bytes& content) {
    ContentReader reader(key);
    return must(reader.read(content)).digest;
  }
  // The first frame with all of `name` in it.
  Bytes sent(const Bytes& name) {
    IndexSignatures signatures(index);
    FrameBuilder builder(root, index, key, signatures, {{name, std::nullopt, std::nullopt}});
    const BuildStep step = must(builder.next());
    skipped = builder.skipped().size();
    const auto frame = must(decode_frame(std::get<FrameReady>(step).body));
    Bytes out;
    for (const ItemPart& part : frame.parts) {
      for (const Op& op : part.ops) {
        out += std::get<LiteralOp>(op.kind).data;
      }
    }
    return out;
  }
  std::size_t skipped = 0;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(source_scan_overlay)

BOOST_FIXTURE_TEST_CASE(the_pristine_content_is_recorded_and_sent, OverlaidTree) {
  write("a", "altered");
  write("b", "plain");
  write(".hareplicate/pristine/a", "pristine, and what is behind it");
  overlays.pristine = "pristine";
  const ScanResult first = scan();
  BOOST_TEST(first.failed == 0U);
  BOOST_TEST((overlays.seen == std::vector<Bytes>{"altered"}));
  BOOST_TEST((entry("a")->state == EntryState::Overlaid));
  BOOST_TEST((entry("a")->content == digest_of("pristine")));
  BOOST_TEST(entry("a")->size == 8U);
  BOOST_TEST(must(decode_local(entry("a")->local)).size == 7U);
  BOOST_TEST((entry("b")->state == EntryState::Mirrored));
  BOOST_TEST(sent("a") == "pristine");
  BOOST_TEST(sent("b") == "plain");
  BOOST_TEST(scan().changed == 0U);
  BOOST_TEST(overlays.seen.size() == 1U);  // its stat is what it was
}

BOOST_FIXTURE_TEST_CASE(another_live_file_of_the_same_pristine_content_is_no_change, OverlaidTree) {
  write("a", "altered");
  overlays.pristine = "pristine";
  scan();
  const auto before = entry("a");
  write("a", "altered in another way");
  std::filesystem::last_write_time(path("a"), std::filesystem::file_time_type{});
  scan();
  BOOST_TEST((entry("a")->content == before->content));
  BOOST_TEST((entry("a")->state == EntryState::Overlaid));
}

BOOST_FIXTURE_TEST_CASE(what_stands_for_nothing_else_counts_as_it_stands, OverlaidTree) {
  write("a", "altered");
  overlays.pristine = "pristine";
  scan();
  write("a", "drift, and longer");
  overlays.pristine.reset();
  BOOST_TEST(scan().changed == 1U);
  BOOST_TEST((entry("a")->state == EntryState::Mirrored));
  BOOST_TEST((entry("a")->content == digest_of("drift, and longer")));
  BOOST_TEST(sent("a") == "drift, and longer");
}

BOOST_FIXTURE_TEST_CASE(a_file_that_is_overlaid_no_longer_is_recorded_so_with_the_same_content,
                        OverlaidTree) {
  write("a", "the same");
  overlays.pristine = "the same";
  scan();
  overlays.pristine.reset();
  std::filesystem::last_write_time(path("a"),
                                   std::filesystem::last_write_time(path("a")));  // a new change time
  BOOST_TEST(scan().changed == 1U);
  BOOST_TEST((entry("a")->state == EntryState::Mirrored));
  BOOST_TEST(sent("a") == "the same");
}

BOOST_FIXTURE_TEST_CASE(what_cannot_be_told_is_a_failure_and_nothing_is_recorded, OverlaidTree) {
  write("a", "altered");
  overlays.pristine = "pristine";
  scan();
  const auto before = entry("a");
  write("a", "broken, and longer");
  overlays.fails = true;
  BOOST_TEST(scan().failed == 1U);
  BOOST_TEST((entry("a")->hash == before->hash));
  BOOST_TEST(must(index.failure("a"))->reason == "cannot be read: its overlay can no longer be undone");
  overlays.fails = false;
  scan();
  BOOST_TEST(!must(index.failure("a")).has_value());
}

BOOST_FIXTURE_TEST_CASE(a_copy_that_is_not_what_the_index_says_is_skipped_not_sent, OverlaidTree) {
  write("a", "altered");
  write(".hareplicate/pristine/a", "another content");
  overlays.pristine = "pristine";
  scan();
  BOOST_TEST(sent("a").empty());
  BOOST_TEST(skipped == 1U);
}

BOOST_FIXTURE_TEST_CASE(signatures_are_those_of_the_pristine_copy, OverlaidTree) {
  Random random(1);
  const Bytes content = random_bytes_of(random, 300'000);
  write("a", "altered");
  write(".hareplicate/pristine/a", content + "behind");
  overlays.pristine = content;
  scan();
  const SignaturesMade made = must(make_signatures(root, index, key, "a", 1ULL << 30, stop));
  BOOST_TEST(made.complete);
  BOOST_TEST(made.bytes_read == content.size());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ha::replicator
