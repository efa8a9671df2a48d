// SetStore when holders change: what a replica does with a commit that was broken off. The parts have their
// own tests.
#include "replicator/set_store.h"

#include <boost/test/unit_test.hpp>

#include "tests/apply/apply_fixture.h"

using namespace ha;
using namespace ha::replicator;
using namespace ha::replicator::test;
namespace fs = std::filesystem;

namespace {

const Bytes kKey(32, 'k');  // that of test_key()

struct Site {
  Site() {
    fs::create_directory(root);
    options.set.name = "s";
    options.set.path = root.string();
    options.set.publish = PublishMode::Set;
    options.set.stranded_max = 1;
    options.index_path = (directory.path() / "index").string();
    restart();
  }
  void restart() {
    store.reset();
    std::string note;
    auto opened = SetStore::open(options, note);
    BOOST_REQUIRE_MESSAGE(opened.ok(), text_of(opened));
    store = std::move(opened).value();
  }
  Status send(std::vector<ItemPart> items) {
    HA_CHECK(store->apply(next_batch, 0, "R" + frame_of(std::move(items))));
    HA_TRY(const auto troubles, store->close(next_batch++));
    return troubles.empty() ? ok() : Status(Error(Code::Internal, troubles[0].reason));
  }
  [[nodiscard]] Bytes at(const Bytes& key) const { return read_all(root / key); }

  TemporaryDirectory directory;
  fs::path root = directory.path() / "root";
  SetStoreOptions options;
  std::unique_ptr<SetStore> store;
  std::uint64_t next_batch = 1;
};

ItemPart of_version(std::uint64_t version, ItemPart part) {
  part.header->sequence = version;
  return part;
}

Offer offer_of(const Position& position, Lineage lineage) {
  Offer offer;
  offer.set = "s";
  offer.position = position;
  offer.digest_key = kKey;
  offer.lineage = std::move(lineage);
  return offer;
}

// Fills the stranded store in the middle of a commit.
Offer break_off_a_commit(Site& site) {
  BOOST_REQUIRE(site.store->prepare("fra1", offer_of({7, 1, 11, {}}, {})).ok());
  BOOST_REQUIRE(
      site.send({of_version(11, literal_item("a", "ours")), of_version(11, literal_item("b", "ours"))}).ok());
  BOOST_REQUIRE(site.store->commit("fra1", {7, 1, 11, {}}, false).ok());
  Offer turned = offer_of({8, 2, 2, {}}, {{2, {7, 1, 10, {}}}});  // it has never seen change 11
  BOOST_REQUIRE(site.store->prepare("nyc1", turned).ok());
  BOOST_REQUIRE(site.send({literal_item("a", "theirs"), literal_item("b", "theirs")}).ok());
  const auto held = site.store->commit("nyc1", {8, 2, 2, {}}, false);
  BOOST_TEST((held.error().code() == Code::Held));
  return turned;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(replicator_set_store_turns)

BOOST_AUTO_TEST_CASE(a_commit_that_a_full_stranded_store_broke_off_loses_nothing_after_a_restart) {
  Site site;
  const Offer turned = break_off_a_commit(site);
  for (int restarts = 0; restarts < 2; ++restarts) {
    site.restart();
    const auto prepared = site.store->prepare("nyc1", turned);
    BOOST_REQUIRE(!prepared.ok());
    BOOST_TEST((prepared.error().code() == Code::Held));
    BOOST_TEST(prepared.error().what().find("full: 1 ") != std::string::npos);
    BOOST_TEST(site.at("b") == "ours");
  }
  const auto incidents = site.store->stranded(10);
  BOOST_REQUIRE(incidents->size() == 1U);
  BOOST_TEST(incidents->at(0).items.at(0).key == "a");
  BOOST_REQUIRE(site.store->drop_stranded(incidents->at(0).id).ok());
  BOOST_REQUIRE(site.store->prepare("nyc1", turned).ok());
  BOOST_TEST(site.at("b") == "theirs");
  BOOST_TEST(site.store->stranded(10)->at(0).items.at(0).key == "b");
}

BOOST_AUTO_TEST_CASE(a_commit_that_was_broken_off_ends_as_a_replica_s_before_its_site_is_the_holder) {
  Site site;
  break_off_a_commit(site);
  site.options.is_origin = true;
  site.options.epoch = 3;
  for (int restarts = 0; restarts < 2; ++restarts) {
    site.restart();
    BOOST_TEST((site.store->scan_all({}).error().code() == Code::Held));
    BOOST_TEST(site.at("b") == "ours");
    BOOST_TEST(site.store->facts().value().digest_key.empty());  // nothing is offered
  }
  BOOST_REQUIRE(site.store->drop_stranded(site.store->stranded(10)->at(0).id).ok());
  BOOST_TEST(site.store->scan_all({}).value().complete);
  BOOST_TEST(site.at("b") == "theirs");
  BOOST_TEST(site.store->stranded(10)->at(0).items.at(0).key == "b");
  const IndexFacts facts = site.store->facts().value();
  BOOST_TEST(facts.position.epoch == 3U);
  BOOST_TEST(facts.digest_key == kKey);
}

BOOST_AUTO_TEST_SUITE_END()
