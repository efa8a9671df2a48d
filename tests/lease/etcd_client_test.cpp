// Against servers that say what etcd says.
#include "failover/lease/etcd_client.h"

#include <fcntl.h>

#include "tests/lease/http_server.h"
#include "tests/sys/temp_directory.h"

using namespace ha::failover;
using ha::Code;
using ha::read_clocks;
using ha::dns::ArbiterConfig;
using ha::dns::ArbiterKind;
using ha::dns::EtcdEndpoint;
using ha::sys::must;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const std::string kHeader = R"({"header":{"cluster_id":"3","member_id":"4","revision":"7"})";
const std::string kFound =
    http_reply(200, kHeader + R"(,"kvs":[{"key":"aw==","mod_revision":"5","value":"djE="}]})");
const std::string kApplied =
    http_reply(200, kHeader + R"(,"succeeded":true,"responses":[{"response_put":{}}]})");
const std::string kToken = http_reply(200, kHeader + R"(,"token":"tok.1"})");
const std::string kOtherToken = http_reply(200, kHeader + R"(,"token":"tok.2"})");

std::string refusal(int status, int code, const std::string& text) {
  return http_reply(status, R"({"error":")" + text + R"(","code":)" + std::to_string(code) + "}");
}
const std::string kBadToken = refusal(401, 16, "etcdserver: invalid auth token");

struct Cluster {
  explicit Cluster(std::vector<HttpServer*> servers, std::string user = "") {
    config.kind = ArbiterKind::Etcd;
    for (const HttpServer* each : servers) {
      config.endpoints.push_back(EtcdEndpoint{false, "127.0.0.1", each->port});
    }
    config.user = std::move(user);
    config.password_file = directory.path + "/password";
    must(ha::sys::replace_file(directory.root, "password", "p\"w\n", 0600));
  }
  EtcdClient open(milliseconds patience = seconds(60)) { return must(EtcdClient::open(config, patience)); }

  ha::sys::TempDirectory directory;
  ArbiterConfig config;
};

ha::SteadyTime soon() {
  return read_clocks().steady + seconds(60);
}

EtcdFailure failure_of(const EtcdClient::Heard<EtcdRead>& heard) {
  BOOST_REQUIRE(std::holds_alternative<EtcdFailure>(heard));
  return std::get<EtcdFailure>(heard);
}
EtcdFailure failure_of(const EtcdClient::Heard<EtcdSwapped>& heard) {
  BOOST_REQUIRE(std::holds_alternative<EtcdFailure>(heard));
  return std::get<EtcdFailure>(heard);
}

bool was_found(const EtcdClient::Heard<EtcdRead>& heard) {
  const auto* const found = std::get_if<EtcdRead>(&heard);
  return found != nullptr && found->now == EtcdValue{"v1", 5};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(lease_etcd_client)

BOOST_AUTO_TEST_CASE(it_reads_and_swaps_without_a_user) {
  HttpServer server({kFound, kApplied});
  Cluster cluster({&server});
  EtcdClient client = cluster.open();
  BOOST_TEST(was_found(client.read("k", soon())));
  const auto heard = client.exchange("k", EtcdValue{"v1", 5}, "v2", soon());
  BOOST_REQUIRE(std::holds_alternative<EtcdSwapped>(heard));
  BOOST_TEST(std::get<EtcdSwapped>(heard).applied);
  const auto asked = server.requests();
  BOOST_TEST(asked.at(0).starts_with("POST /v3/kv/range "));
  BOOST_TEST(asked.at(0).find("Authorization") == std::string::npos);
  BOOST_TEST(asked.at(1).starts_with("POST /v3/kv/txn "));
}

BOOST_AUTO_TEST_CASE(the_next_member_is_asked_when_one_is_silent_and_kept) {
  HttpServer first({kClose, kClose});
  HttpServer second({kFound, kApplied});
  Cluster cluster({&first, &second});
  EtcdClient client = cluster.open();
  BOOST_TEST(was_found(client.read("k", soon())));
  BOOST_TEST(std::holds_alternative<EtcdSwapped>(client.exchange("k", std::nullopt, "v2", soon())));
  BOOST_TEST(first.requests().size() == 1U);
  BOOST_TEST(second.requests().size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_change_that_may_have_arrived_is_not_sent_to_another_by_itself) {
  HttpServer first({kClose});
  HttpServer second({kApplied});
  Cluster cluster({&first, &second});
  EtcdClient client = cluster.open();
  const EtcdFailure failure = failure_of(client.exchange("k", std::nullopt, "v2", soon()));
  BOOST_TEST((failure.no == EtcdNo::Doubtful));
  BOOST_TEST(failure.arrived);
  BOOST_TEST(failure.error.what().starts_with(first.url()), failure.error.what());
  // Sent again by who knows: at the other one.
  BOOST_TEST(std::holds_alternative<EtcdSwapped>(client.exchange("k", std::nullopt, "v2", soon())));
}

BOOST_AUTO_TEST_CASE(a_change_that_did_not_arrive_is_sent_to_the_next_one) {
  auto gone = std::make_unique<HttpServer>(std::vector<std::string>{});
  HttpServer second({kApplied});
  Cluster cluster({gone.get(), &second});
  gone.reset();
  EtcdClient client = cluster.open();
  BOOST_TEST(std::holds_alternative<EtcdSwapped>(client.exchange("k", std::nullopt, "v2", soon())));
}

BOOST_AUTO_TEST_CASE(silence_of_all_is_doubtful_and_says_whether_anything_arrived) {
  auto gone = std::make_unique<HttpServer>(std::vector<std::string>{});
  auto too = std::make_unique<HttpServer>(std::vector<std::string>{});
  Cluster cluster({gone.get(), too.get()});
  gone.reset();
  too.reset();
  EtcdClient client = cluster.open();
  const EtcdFailure failure = failure_of(client.exchange("k", std::nullopt, "v2", soon()));
  BOOST_TEST((failure.no == EtcdNo::Doubtful));
  BOOST_TEST(!failure.arrived);
  HttpServer hanging({kHang});
  Cluster other({&hanging});
  EtcdClient patient = other.open(milliseconds(100));
  const EtcdFailure silent = failure_of(patient.exchange("k", std::nullopt, "v2", soon()));
  BOOST_TEST(silent.arrived);
  BOOST_TEST((silent.error.code() == Code::TimedOut));
}

BOOST_AUTO_TEST_CASE(a_refusal_is_that_of_all_members) {
  HttpServer first({refusal(403, 7, "etcdserver: permission denied")});
  HttpServer second({kFound});
  Cluster cluster({&first, &second});
  EtcdClient client = cluster.open();
  const EtcdFailure failure = failure_of(client.read("k", soon()));
  BOOST_TEST((failure.no == EtcdNo::Refused));
  BOOST_TEST((failure.error.code() == Code::Denied));
  BOOST_TEST(second.requests().empty());
}

BOOST_AUTO_TEST_CASE(a_member_without_a_majority_is_passed_over) {
  HttpServer first({refusal(503, 14, "etcdserver: no leader")});
  HttpServer second({kFound});
  Cluster cluster({&first, &second});
  EtcdClient client = cluster.open();
  BOOST_TEST(was_found(client.read("k", soon())));
}

BOOST_AUTO_TEST_CASE(garbage_is_doubtful) {
  HttpServer server({http_reply(200, "<html>"), http_reply(200, "{}")});
  Cluster cluster({&server});
  EtcdClient client = cluster.open();
  for (int i = 0; i < 2; ++i) {
    const EtcdFailure failure = failure_of(client.exchange("k", std::nullopt, "v2", soon()));
    BOOST_TEST((failure.no == EtcdNo::Doubtful));
    BOOST_TEST(failure.arrived);
    BOOST_TEST((failure.error.code() == Code::Corrupt));
  }
}

BOOST_AUTO_TEST_CASE(a_user_is_given_a_token_that_is_kept) {
  HttpServer server({kToken, kFound, kApplied});
  Cluster cluster({&server}, "h\"a");
  EtcdClient client = cluster.open();
  BOOST_TEST(was_found(client.read("k", soon())));
  BOOST_TEST(std::holds_alternative<EtcdSwapped>(client.exchange("k", std::nullopt, "v2", soon())));
  const auto asked = server.requests();
  BOOST_REQUIRE(asked.size() == 3U);
  BOOST_TEST(asked[0].starts_with("POST /v3/auth/authenticate "));
  BOOST_TEST(asked[0].ends_with(R"({"name":"h\u0022a","password":"p\u0022w"})"));
  BOOST_TEST(asked[0].find("Authorization") == std::string::npos);
  BOOST_TEST(asked[1].find("Authorization: tok.1\r\n") != std::string::npos);
  BOOST_TEST(asked[2].find("Authorization: tok.1\r\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_token_that_is_no_longer_good_is_asked_for_anew_once) {
  HttpServer server({kToken, kBadToken, kOtherToken, kApplied});
  Cluster cluster({&server}, "ha");
  EtcdClient client = cluster.open();
  BOOST_TEST(std::holds_alternative<EtcdSwapped>(client.exchange("k", std::nullopt, "v2", soon())));
  BOOST_TEST(server.requests().at(3).find("Authorization: tok.2\r\n") != std::string::npos);
  HttpServer never({kToken, kBadToken, kOtherToken, kBadToken});
  Cluster other({&never}, "ha");
  EtcdClient refused = other.open();
  const EtcdFailure failure = failure_of(refused.exchange("k", std::nullopt, "v2", soon()));
  BOOST_TEST((failure.no == EtcdNo::Refused));
  BOOST_TEST(never.requests().size() == 4U);
}

BOOST_AUTO_TEST_CASE(a_wrong_password_is_a_refusal_and_silence_then_has_sent_nothing) {
  HttpServer server({refusal(400, 3, "etcdserver: authentication failed, invalid user ID or password")});
  Cluster cluster({&server}, "ha");
  EtcdClient client = cluster.open();
  const EtcdFailure failure = failure_of(client.exchange("k", std::nullopt, "v2", soon()));
  BOOST_TEST((failure.no == EtcdNo::Refused));
  BOOST_TEST(failure.error.hint().find("password_file") != std::string::npos);
  HttpServer silent({kClose, http_reply(200, "{}")});
  Cluster other({&silent}, "ha");
  EtcdClient quiet = other.open();
  for (int i = 0; i < 2; ++i) {
    const EtcdFailure nothing = failure_of(quiet.exchange("k", std::nullopt, "v2", soon()));
    BOOST_TEST((nothing.no == EtcdNo::Doubtful));
    BOOST_TEST(!nothing.arrived);
  }
}

BOOST_AUTO_TEST_CASE(etcd_that_wants_a_user_is_told_from_one_that_does_not_know_it) {
  HttpServer server({refusal(400, 3, "etcdserver: user name is empty"), kBadToken});
  Cluster cluster({&server});
  EtcdClient client = cluster.open();
  BOOST_TEST(failure_of(client.read("k", soon())).error.hint().find("[arbiter] user") != std::string::npos);
  BOOST_TEST((failure_of(client.read("k", soon())).no == EtcdNo::Refused));
}

BOOST_AUTO_TEST_CASE(a_password_that_others_can_read_is_refused) {
  HttpServer server({});
  Cluster cluster({&server}, "ha");
  must(ha::sys::replace_file(cluster.directory.root, "password", "pw", 0644));
  const auto open = EtcdClient::open(cluster.config, seconds(1));
  BOOST_TEST((ha::sys::code_of(open) == Code::Refused));
  BOOST_TEST(open.error().what().starts_with("[arbiter] password_file"));
}

BOOST_AUTO_TEST_SUITE_END()
