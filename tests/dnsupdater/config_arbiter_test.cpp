#include "dnsupdater/config_arbiter.h"

#include <boost/test/unit_test.hpp>

#include "dnsupdater/config.h"
#include "dnsupdater/service.h"
#include "tests/dnsupdater/samples.h"

using namespace ha::dns;
using ha::Code;

namespace {

const std::string kCluster =
    "[cluster]\nname = \"voice\"\nid = \"c-1\"\n"
    "[[site]]\nname = \"fra1\"\naddress = [\"tcp://fra1:1\"]\nkey = \"k\"\npublic_ip = [\"192.0.2.10\"]\n"
    "[[service]]\nname = \"pbx\"\nsites = [\"fra1\"]\nholder = \"fra1\"\n"
    "[[service]]\nname = \"fax\"\nsites = [\"fra1\"]\nholder = \"fra1\"\n"
    "[[dns.zone]]\nname = \"voice.test\"\nprimary = [\"192.0.2.53\"]\n"
    "[[dns.zone]]\nname = \"other.test\"\nprimary = [\"192.0.2.53\"]\n"
    "[[dns.record]]\nservice = \"pbx\"\nname = \"sip.voice.test\"\n"
    "[[dns.record]]\nservice = \"pbx\"\nname = \"sip.other.test\"\n"
    "[arbiter]\n";

struct Read {
  std::optional<DnsConfig> config;
  std::string problems;
};

Read read(const std::string& arbiter) {
  ha::ConfigProblems problems;
  auto config = DnsConfig::parse(
      {"/etc/ha/cluster.toml", kCluster + arbiter, "/etc/ha/node.toml", "", "fra1"}, problems);
  return {config.ok() ? std::optional(std::move(config).value()) : std::nullopt, problems.text()};
}

void has_problem(const std::string& arbiter, const std::string& problem, bool is_error = true) {
  const Read got = read(arbiter);
  BOOST_TEST(got.config.has_value() == !is_error, arbiter);
  const std::string text = (is_error ? "error: arbiter: " : "warning: arbiter: ") + problem;
  BOOST_TEST(got.problems.find(text) != std::string::npos, text << " is not in\n" << got.problems);
}

const std::string kEtcd = "kind = \"etcd\"\n";
const std::string kGood = kEtcd + "endpoint = [\"https://192.0.2.61:2379\", \"https://etcd2.example.net\"]\n";

}  // namespace

BOOST_AUTO_TEST_SUITE(dnsupdater_config_arbiter)

BOOST_AUTO_TEST_CASE(an_endpoint_is_a_url_of_a_host) {
  const auto text = [](const char* from) { return must(EtcdEndpoint::parse(from)).text(); };
  BOOST_TEST(text("http://192.0.2.61") == "http://192.0.2.61:2379");
  BOOST_TEST(text("https://192.0.2.61:12379/") == "https://192.0.2.61:12379");
  BOOST_TEST(text("https://[2001:DB8::61]:1") == "https://[2001:db8::61]:1");
  BOOST_TEST(text("https://[::1]") == "https://[::1]:2379");
  BOOST_TEST(text("https://etcd-1.example.net:65535") == "https://etcd-1.example.net:65535");
  for (const char* const wrong : {"",
                                  "192.0.2.61:2379",
                                  "ftp://192.0.2.61",
                                  "http://",
                                  "http://:2379",
                                  "http://a:0",
                                  "http://a:65536",
                                  "http://a:x",
                                  "http://a:",
                                  "http://a:1x",
                                  "http://a/v3",
                                  "http://u:p@a",
                                  "http://a b",
                                  "http://[::1",
                                  "http://::1",
                                  "http://[192.0.2.61]",
                                  "http://999.0.2.1",
                                  "http://-a",
                                  "http://.a",
                                  "http://a?x",
                                  "HTTP://a",
                                  "http://a\n",
                                  "http://[::1]x"}) {
    const auto endpoint = EtcdEndpoint::parse(wrong);
    BOOST_TEST(!endpoint.ok(), wrong);
    if (!endpoint.ok()) {
      BOOST_TEST((endpoint.error().code() == Code::Invalid));
      BOOST_TEST(!endpoint.error().hint().empty());
    }
  }
  BOOST_TEST(must(EtcdEndpoint::parse("http://127.0.0.1")).is_loopback());
  BOOST_TEST(must(EtcdEndpoint::parse("http://localhost")).is_loopback());
  BOOST_TEST(must(EtcdEndpoint::parse("http://[::1]")).is_loopback());
  BOOST_TEST(!must(EtcdEndpoint::parse("http://127.example.net")).is_loopback());
  BOOST_TEST(!must(EtcdEndpoint::parse("http://192.0.2.61")).is_loopback());
}

BOOST_AUTO_TEST_CASE(without_etcd_it_is_a_name_server) {
  const Read got = read("");
  BOOST_REQUIRE(got.config);
  BOOST_TEST((got.config->arbiter().kind == ArbiterKind::Dns));
  BOOST_TEST(got.config->arbiter().endpoints.empty());
}

BOOST_AUTO_TEST_CASE(etcd_is_read_whole) {
  const Read got = read(kGood +
                        "prefix = \"/voice/\"\nca = \"ca.pem\"\ncert = \"/x/fra1.pem\"\n"
                        "key_file = \"secrets/fra1.key\"\nuser = \"ha\"\n");
  BOOST_REQUIRE_MESSAGE(got.config, got.problems);
  BOOST_TEST(got.problems == "");
  const ArbiterConfig& arbiter = got.config->arbiter();
  BOOST_TEST((arbiter.kind == ArbiterKind::Etcd));
  BOOST_REQUIRE(arbiter.endpoints.size() == 2U);
  BOOST_TEST(arbiter.endpoints[1].text() == "https://etcd2.example.net:2379");
  BOOST_TEST(arbiter.prefix == "/voice/c-1/");
  BOOST_TEST(arbiter.ca == "/etc/ha/ca.pem");
  BOOST_TEST(arbiter.cert == "/x/fra1.pem");
  BOOST_TEST(arbiter.key_file == "/etc/ha/secrets/fra1.key");
  BOOST_TEST(arbiter.user == "ha");
  BOOST_TEST(arbiter.password_file == "/etc/ha/secrets/etcd");
  const Read least = read(kGood);
  BOOST_REQUIRE(least.config);
  BOOST_TEST(least.config->arbiter().prefix == "/hareplicate/c-1/");
  BOOST_TEST(least.config->arbiter().ca.empty());
  BOOST_TEST(least.config->arbiter().cert.empty());
}

BOOST_AUTO_TEST_CASE(with_etcd_every_zone_has_a_copy) {
  const Read got = read(kGood);
  BOOST_REQUIRE(got.config);
  BOOST_TEST(!got.config->lease_zone().has_value());
  const auto copies = must(copies_of(*got.config, "pbx"));
  BOOST_REQUIRE(copies.size() == 2U);
  BOOST_TEST((copies[0].guard == name("_ha.pbx.voice.test")));
  BOOST_TEST((copies[1].guard == name("_ha.pbx.other.test")));
  BOOST_TEST(must(copies_of(*got.config, "fax")).empty());
  BOOST_TEST((code_of(copies_of(*got.config, "web")) == Code::NotFound));
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_said_with_what_to_write) {
  has_problem(kEtcd, "etcd needs an endpoint");
  has_problem(kEtcd + "endpoint = []\n", "etcd needs an endpoint");
  has_problem(kEtcd + "endpoint = [\"192.0.2.61\"]\n", "endpoint: \"192.0.2.61\" is no address of etcd");
  has_problem(kEtcd + "endpoint = [\"https://a\", \"https://a:2379\"]\n",
              "endpoint has https://a:2379 twice");
  has_problem(kEtcd + "endpoint = [\"https://a\", \"http://b\"]\n", "endpoint has http and https");
  has_problem(kGood + "zone = \"voice.test\"\n", "zone is of kind = \"dns\"");
  has_problem(kGood + "prefix = \"/voice\"\n", "prefix has to end with a /");
  has_problem(kGood + "prefix = \"/vo ice/\"\n", "prefix has to end with a /");
  has_problem(kGood + "cert = \"a.pem\"\n", "cert and key_file belong together");
  has_problem(kGood + "key_file = \"a.pem\"\n", "cert and key_file belong together");
  has_problem(kEtcd + "endpoint = [\"http://127.0.0.1\"]\nca = \"a.pem\"\n", "ca is of https");
  has_problem("endpoint = [\"https://a\"]\n", "endpoint is of kind = \"etcd\"");
  has_problem("user = \"ha\"\n", "user is of kind = \"etcd\"");
  std::string many = kEtcd + "endpoint = [";
  for (int i = 0; i < 17; ++i) {
    many += "\"https://a" + std::to_string(i) + "\", ";
  }
  has_problem(many + "]\n", "endpoint has more than 16");
}

BOOST_AUTO_TEST_CASE(what_is_not_encrypted_is_a_warning_but_on_loopback) {
  const std::string plain = kEtcd + "endpoint = [\"http://192.0.2.61\"]\n";
  has_problem(plain, "http://192.0.2.61:2379 is not encrypted", false);
  has_problem(plain + "user = \"ha\"\n",
              "http://192.0.2.61:2379 is not encrypted: whoever is on the way can take "
              "services over, and reads the password",
              false);
  BOOST_TEST(read(kEtcd + "endpoint = [\"http://127.0.0.1\"]\nuser = \"ha\"\n").problems == "");
}

BOOST_AUTO_TEST_SUITE_END()
