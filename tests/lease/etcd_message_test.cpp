// Answers are those of etcd 3.4.23, as it gave them.
#include "failover/lease/etcd_message.h"

#include <boost/test/unit_test.hpp>

#include "common/base/json.h"
#include "common/base/random.h"
#include "dnsupdater/record.h"

using namespace ha::failover;
using ha::Bytes;
using ha::Code;

namespace {

const std::string kHeader =
    R"("header":{"cluster_id":"324952591200643719","member_id":"3319814642761637952","revision":"7",)"
    R"("raft_term":"2"})";
const std::string kKv =
    R"({"key":"aw==","create_revision":"2","mod_revision":"5","version":"1","value":"djE="})";

template <typename T>
T must(ha::Result<T> result) {
  BOOST_REQUIRE_MESSAGE(result.ok(), (result.ok() ? "" : result.error().what()));
  return std::move(result).value();
}

template <typename T>
bool is_corrupt(const ha::Result<T>& result) {
  return !result.ok() && result.error().code() == Code::Corrupt &&
         result.error().what().starts_with("etcd's answer");
}

std::string range_with(const std::string& kvs) {
  return "{" + kHeader + R"(,"kvs":[)" + kvs + R"(],"count":"1"})";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(lease_etcd_message)

BOOST_AUTO_TEST_CASE(base64_goes_there_and_back) {
  BOOST_TEST(base64("") == "");
  BOOST_TEST(base64("f") == "Zg==");
  BOOST_TEST(base64("fo") == "Zm8=");
  BOOST_TEST(base64("foo") == "Zm9v");
  BOOST_TEST(base64("foobar") == "Zm9vYmFy");
  BOOST_TEST(base64(Bytes("\xff\xfe\xfd\x00", 4)) == "//79AA==");
  ha::Random random(7);
  for (std::size_t size = 0; size < 100; ++size) {
    Bytes bytes;
    for (std::size_t i = 0; i < size; ++i) {
      bytes += static_cast<char>(random.next());
    }
    BOOST_TEST((parse_base64(base64(bytes)) == bytes));
  }
  for (const char* const text :
       {"Zg=", "Zg", "Z", "Zg===", "Zh==", "Zm9=", "Zm9v\n", "Zm 9v", "====", "Z=g=", "Zm9v-_"}) {
    BOOST_TEST(!parse_base64(text).has_value(), text);
  }
}

BOOST_AUTO_TEST_CASE(a_swap_compares_the_whole_value_and_its_revision) {
  BOOST_TEST(etcd_range("k") == R"({"key":"aw=="})");
  BOOST_TEST(etcd_swap_request("k", std::nullopt, "v1") ==
             R"({"compare":[{"key":"aw==","result":"EQUAL","target":"CREATE","create_revision":"0"}],)"
             R"("success":[{"requestPut":{"key":"aw==","value":"djE="}}],)"
             R"("failure":[{"requestRange":{"key":"aw=="}}]})");
  BOOST_TEST(etcd_swap_request("k", EtcdValue{"v1", 5}, "v2") ==
             R"({"compare":[{"key":"aw==","result":"EQUAL","target":"VALUE","value":"djE="},)"
             R"({"key":"aw==","result":"EQUAL","target":"MOD","mod_revision":"5"}],)"
             R"("success":[{"requestPut":{"key":"aw==","value":"djI="}}],)"
             R"("failure":[{"requestRange":{"key":"aw=="}}]})");
  for (const std::string& text :
       {etcd_swap_request("k", std::nullopt, "v"), etcd_rights("k"), etcd_delete("k")}) {
    BOOST_TEST(ha::read_json(text).ok(), text);
  }
  BOOST_TEST(etcd_rights("k").find(R"("result":"LESS","target":"VERSION","version":"0")") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(user_and_password_are_json_whatever_is_in_them) {
  const std::string text = must(etcd_authenticate("h\"a", "p\\w\n\x01\xc3\xa4"));
  const ha::JsonValue value = must(ha::read_json(text));
  BOOST_TEST(*value.find("name")->text() == "h\"a");
  BOOST_TEST(*value.find("password")->text() == "p\\w\n\x01\xc3\xa4");
  const auto broken = etcd_authenticate("ha", "\xff");
  BOOST_REQUIRE(!broken.ok());
  BOOST_TEST((broken.error().code() == Code::Invalid));
  BOOST_TEST(broken.error().what().find('\xff') == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_range_has_the_value_and_its_revision_or_nothing) {
  const EtcdRead found = must(parse_etcd_range(range_with(kKv), "k"));
  BOOST_TEST((found.now == EtcdValue{"v1", 5}));
  BOOST_TEST(found.cluster == 324952591200643719U);
  BOOST_TEST(found.member == 3319814642761637952U);
  BOOST_TEST(!must(parse_etcd_range("{" + kHeader + "}", "k")).now.has_value());
}

BOOST_AUTO_TEST_CASE(a_range_that_is_not_about_the_one_key_is_corrupt) {
  BOOST_TEST(is_corrupt(parse_etcd_range(range_with(kKv), "other")));
  BOOST_TEST(is_corrupt(parse_etcd_range(range_with(kKv + "," + kKv), "k")));
  BOOST_TEST(
      is_corrupt(parse_etcd_range(range_with(R"({"key":"aw==","mod_revision":"5","value":"dj"})"), "k")));
  BOOST_TEST(is_corrupt(parse_etcd_range(range_with(R"({"key":"aw==","mod_revision":"5","value":7})"), "k")));
  BOOST_TEST(is_corrupt(parse_etcd_range(range_with(R"({"key":"aw==","value":"djE="})"), "k")));
  BOOST_TEST(is_corrupt(parse_etcd_range(range_with(R"({"mod_revision":"5","value":"djE="})"), "k")));
  for (const char* const number :
       {R"("")", R"("-1")", R"("5x")", R"("18446744073709551616")", "-1", "true"}) {
    const std::string kv = R"({"key":"aw==","value":"djE=","mod_revision":)" + std::string(number) + "}";
    BOOST_TEST(is_corrupt(parse_etcd_range(range_with(kv), "k")), number);
  }
  for (const char* const text : {"", "{}", "[]", "null", "Not Found", "{\"kvs\":[]}", "{\"header\":7}"}) {
    BOOST_TEST(is_corrupt(parse_etcd_range(text, "k")), text);
  }
}

BOOST_AUTO_TEST_CASE(a_value_longer_than_a_record_is_corrupt) {
  const auto with = [](std::size_t size) {
    const std::string value = base64(Bytes(size, 'x'));
    return parse_etcd_range(range_with(R"({"key":"aw==","mod_revision":"5","value":")" + value + "\"}"), "k");
  };
  BOOST_TEST(with(ha::dns::kRecordBytesMax).ok());
  BOOST_TEST(is_corrupt(with(ha::dns::kRecordBytesMax + 1)));
}

BOOST_AUTO_TEST_CASE(a_swap_that_applied_has_its_revision_and_another_what_is_there) {
  const EtcdSwapped done = must(parse_etcd_swap(
      "{" + kHeader + R"(,"succeeded":true,"responses":[{"response_put":{"header":{"revision":"7"}}}]})",
      "k"));
  BOOST_TEST(done.applied);
  BOOST_TEST(done.revision == 7U);
  BOOST_TEST(!done.now.has_value());
  const std::string unmet = "{" + kHeader + R"(,"responses":[{"response_range":{"header":{"revision":"7"})";
  const EtcdSwapped other = must(parse_etcd_swap(unmet + R"(,"kvs":[)" + kKv + R"(],"count":"1"}}]})", "k"));
  BOOST_TEST(!other.applied);
  BOOST_TEST((other.now == EtcdValue{"v1", 5}));
  const EtcdSwapped nothing = must(parse_etcd_swap(unmet + "}}]}", "k"));
  BOOST_TEST(!nothing.applied);
  BOOST_TEST(!nothing.now.has_value());
}

BOOST_AUTO_TEST_CASE(an_answer_of_the_wrong_kind_is_neither_yes_nor_no) {
  for (const std::string& rest :
       {std::string(""), std::string(R"(,"succeeded":true)"),
        std::string(R"(,"succeeded":"true","responses":[{"response_put":{}}])"),
        std::string(R"(,"succeeded":true,"responses":[])"),
        std::string(R"(,"succeeded":true,"responses":[{"response_range":{}}])"),
        std::string(R"(,"responses":[{"response_put":{}}])"),
        std::string(R"(,"responses":[{"response_range":{}},{"response_range":{}}])"),
        std::string(R"(,"responses":{"response_range":{}})")}) {
    BOOST_TEST(is_corrupt(parse_etcd_swap("{" + kHeader + rest + "}", "k")), rest);
  }
  BOOST_TEST(is_corrupt(parse_etcd_swap(R"({"succeeded":true,"responses":[{"response_put":{}}]})", "k")));
  BOOST_TEST(is_corrupt(parse_etcd_swap("{" + kHeader, "k")));
}

BOOST_AUTO_TEST_CASE(a_token_fits_into_a_header) {
  BOOST_TEST(must(parse_etcd_token("{" + kHeader + R"(,"token":"TDqFmEnHrKOKDRNi.17"})")) ==
             "TDqFmEnHrKOKDRNi.17");
  for (const std::string& token : {std::string(R"("")"), std::string("7"), std::string(R"("a b")"),
                                   std::string(R"("a\r\nX: y")"), '"' + std::string(5000, 'a') + '"'}) {
    BOOST_TEST(is_corrupt(parse_etcd_token("{" + kHeader + R"(,"token":)" + token + "}")));
  }
  BOOST_TEST(is_corrupt(parse_etcd_token("{" + kHeader + "}")));
}

BOOST_AUTO_TEST_CASE(a_status_has_version_and_leader) {
  const EtcdStatus status = must(parse_etcd_status(
      "{" + kHeader + R"(,"version":"3.4.23","dbSize":"20480","leader":"3319814642761637952"})"));
  BOOST_TEST(status.version == "3.4.23");
  BOOST_TEST(status.leader == 3319814642761637952U);
  BOOST_TEST(must(parse_etcd_status("{" + kHeader + R"(,"version":"3.4.23"})")).leader == 0U);
  BOOST_TEST(is_corrupt(parse_etcd_status("{" + kHeader + "}")));
  BOOST_TEST(must(parse_etcd_members("{" + kHeader + R"(,"members":[{"ID":"1"},{"ID":"2"}]})")) == 2U);
  BOOST_TEST(is_corrupt(parse_etcd_members("{" + kHeader + "}")));
}

BOOST_AUTO_TEST_CASE(what_etcd_refuses_was_not_applied_and_what_went_wrong_may_have_been) {
  const auto said = [](int status, const std::string& text, int code) {
    return etcd_refusal(status, R"({"error":")" + text + R"(","message":")" + text + R"(","code":)" +
                                    std::to_string(code) + "}Grpc-Trailer-Content-Type: application/grpc\n");
  };
  const EtcdRefusal denied = said(403, "etcdserver: permission denied", 7);
  BOOST_TEST((denied.no == EtcdNo::Refused));
  BOOST_TEST((denied.error.code() == Code::Denied));
  BOOST_TEST(denied.error.what() == "etcd says: etcdserver: permission denied");
  BOOST_TEST(denied.error.hint().find("grant-permission") != std::string::npos);
  BOOST_TEST((said(401, "etcdserver: invalid auth token", 16).no == EtcdNo::Token));
  BOOST_TEST((said(400, "etcdserver: revision of auth store is old", 3).no == EtcdNo::Token));
  const EtcdRefusal nobody = said(400, "etcdserver: user name is empty", 3);
  BOOST_TEST((nobody.no == EtcdNo::Refused));
  BOOST_TEST(nobody.error.hint().find("[arbiter] user") != std::string::npos);
  BOOST_TEST(
      (said(400, "etcdserver: authentication failed, invalid user ID or password", 3).no == EtcdNo::Refused));
  const EtcdRefusal full = said(429, "etcdserver: mvcc: database space exceeded", 8);
  BOOST_TEST((full.no == EtcdNo::Refused));
  BOOST_TEST((full.error.code() == Code::Exhausted));
  BOOST_TEST((said(501, "unknown method", 12).no == EtcdNo::Refused));
  // Of these nobody can say whether the change is there.
  for (const auto& [status, text, code] :
       {std::tuple(503, "etcdserver: request timed out", 14),
        std::tuple(503, "etcdserver: leader changed", 14), std::tuple(504, "context deadline exceeded", 4),
        std::tuple(500, "internal", 13), std::tuple(500, "unknown", 2), std::tuple(409, "aborted", 10),
        std::tuple(500, "data loss", 15), std::tuple(408, "cancelled", 1),
        std::tuple(500, "not yet known", 99)}) {
    const EtcdRefusal refusal = said(status, text, code);
    BOOST_TEST((refusal.no == EtcdNo::Doubtful), text);
    BOOST_TEST((refusal.error.code() == Code::Unavailable), text);
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_answer_of_etcd_is_judged_by_its_status) {
  const EtcdRefusal old = etcd_refusal(404, "Not Found\n");
  BOOST_TEST((old.no == EtcdNo::Refused));
  BOOST_TEST((old.error.code() == Code::Unsupported));
  BOOST_TEST(old.error.hint().find("3.4") != std::string::npos);
  for (const int status : {301, 408, 500, 502, 503, 504, 0}) {
    BOOST_TEST((etcd_refusal(status, "<html>").no == EtcdNo::Doubtful), status);
  }
  for (const int status : {400, 401, 403, 405}) {
    BOOST_TEST((etcd_refusal(status, "{\"error\":7,\"code\":\"x\"}").no == EtcdNo::Refused), status);
  }
  // What it says is shown, but not whatever it says.
  const EtcdRefusal loud =
      etcd_refusal(403, R"({"error":"\u001b[31m)" + std::string(1000, 'x') + R"(","code":7})");
  BOOST_TEST(loud.error.what().find('\x1b') == std::string::npos);
  BOOST_TEST(loud.error.what().size() < 300U);
}

BOOST_AUTO_TEST_SUITE_END()
