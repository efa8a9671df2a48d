// A cluster of one site and a machine that wants to join it, for tests of pairing. Pure.
#pragma once

#include <boost/test/unit_test.hpp>

#include "replicator/config.h"
#include "tools/hareplicate/pair_codec.h"

namespace ha::tool::testing {

inline const std::string kFraKey = "FjO$69!cK>7:r4bTR8ub*S7&fs}}>7<>O6s5?hBR";
inline const std::string kNycKey = "i/f<D?nd><@oLc*8&7{q-!SEX>WKCvnva<C^-HVA";
inline const std::string kSecret = "0123456789abcdef";

inline std::string cluster_text(const std::string& more = "") {
  return "version = 1\n[cluster]\nname = \"acme\"\nid = \"5b1f\"\n\n# sites\n[[site]]\nname = \"fra1\"\n"
         "address = [\"tcp://fra1.example.net:7400\"]\nkey = \"" +
         kFraKey + "\"\n" + more +
         "\n# services\n[[service]]\nname = \"pbx\"\nsites = [\"fra1\"]\nholder = \"fra1\"\n";
}

inline replicator::ConfigTexts texts(std::string cluster = cluster_text()) {
  return {"/etc/hareplicate/cluster.toml", std::move(cluster), "/etc/hareplicate/node.toml",
          "site = \"fra1\"\n", "fra1"};
}

inline replicator::Config config(const std::string& cluster = cluster_text()) {
  ConfigProblems problems;
  auto made = replicator::Config::parse(texts(cluster), problems);
  BOOST_REQUIRE_MESSAGE(made.ok(), problems.text());
  return std::move(made).value();
}

inline PairRequest request() {
  PairRequest out;
  out.secret = kSecret;
  out.wire_major = 1;
  out.program_version = "0.1.0";
  out.site = "nyc1";
  out.host_name = "newbox";
  out.local_address = "198.51.100.20";
  return out;
}

}  // namespace ha::tool::testing
