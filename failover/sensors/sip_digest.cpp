#include "failover/sensors/sip_digest.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "failover/sensors/sip_message.h"

namespace ha::failover {
namespace {

constexpr std::size_t kParametersMax = 32;
constexpr std::string_view kNonceCount = "00000001";
constexpr std::string_view kBlanks = " \t";

bool is_control(char each) {
  return static_cast<unsigned char>(each) < ' ' || each == '\x7f';
}

void skip(std::string_view& rest, std::string_view what) {
  rest.remove_prefix(std::min(rest.find_first_not_of(what), rest.size()));
}

struct Parameter {
  std::string_view name;
  std::string_view value;
};

// Takes the next one off, and the comma behind it.
Result<Parameter> next_parameter(std::string_view& rest) {
  const auto broken = [] { return Error(Code::Corrupt, "a SIP challenge that cannot be read"); };
  Parameter out;
  const std::size_t equals = rest.find('=');
  if (equals == rest.npos) {
    return broken();
  }
  out.name = rest.substr(0, equals);
  out.name = out.name.substr(0, out.name.find_last_not_of(kBlanks) + 1);
  rest.remove_prefix(equals + 1);
  skip(rest, kBlanks);
  if (rest.starts_with('"')) {
    std::size_t end = 1;
    while (end < rest.size() && rest[end] != '"') {
      end += rest[end] == '\\' ? 2U : 1U;
    }
    if (end >= rest.size()) {
      return broken();
    }
    out.value = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
  } else {
    out.value = rest.substr(0, rest.find_first_of(" \t,"));
    rest.remove_prefix(out.value.size());
  }
  skip(rest, kBlanks);
  if (!rest.empty() && rest.front() != ',') {
    return broken();
  }
  skip(rest, " \t,");
  return out;
}

bool has_auth(std::string_view offered) {
  while (!offered.empty()) {
    skip(offered, " \t,");
    const std::string_view one = offered.substr(0, offered.find_first_of(" \t,"));
    if (is_same_name(one, "auth")) {
      return true;
    }
    offered.remove_prefix(one.size());
  }
  return false;
}

Result<std::string> digest_of(const SipChallenge& challenge, const std::string& text) {
  std::array<char, EVP_MAX_MD_SIZE> out{};
  unsigned size = 0;
  const EVP_MD* kind = challenge.is_sha256 ? ::EVP_sha256() : ::EVP_md5();
  if (::EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(out.data()), &size, kind,
                   nullptr) != 1) {
    return Error(Code::Unsupported,
                 std::string("this host's OpenSSL does not do ") + (challenge.is_sha256 ? "SHA-256" : "MD5"));
  }
  return hex(BytesView(out.data(), size));
}

}  // namespace

Result<SipChallenge> parse_sip_challenge(std::string_view value) {
  constexpr std::string_view kScheme = "digest";
  if (!is_same_name(value.substr(0, kScheme.size()), kScheme) || value.size() <= kScheme.size() ||
      kBlanks.find(value[kScheme.size()]) == kBlanks.npos) {
    return Error(Code::Unsupported, "it wants another way to log in than Digest");
  }
  if (std::any_of(value.begin(), value.end(), [](char each) { return each != '\t' && is_control(each); })) {
    return Error(Code::Corrupt, "a SIP challenge with control characters");
  }
  value.remove_prefix(kScheme.size());
  skip(value, " \t,");
  SipChallenge out;
  bool offers_qop = false;
  for (std::size_t count = 0; !value.empty(); ++count) {
    if (count == kParametersMax) {
      return Error(Code::Corrupt, "a SIP challenge of more than 32 parameters");
    }
    HA_TRY(const Parameter each, next_parameter(value));
    if (is_same_name(each.name, "realm")) {
      out.realm = each.value;
    } else if (is_same_name(each.name, "nonce")) {
      out.nonce = each.value;
    } else if (is_same_name(each.name, "opaque")) {
      out.opaque = each.value;
    } else if (is_same_name(each.name, "algorithm")) {
      out.algorithm = each.value;
    } else if (is_same_name(each.name, "qop")) {
      offers_qop = true;
      out.has_qop = has_auth(each.value);
    }
  }
  out.is_sha256 = out.algorithm && is_same_name(*out.algorithm, "SHA-256");
  if (out.algorithm && !out.is_sha256 && !is_same_name(*out.algorithm, "MD5")) {
    return Error(Code::Unsupported, "it wants the hash " + escape(out.algorithm->substr(0, 32)));
  }
  if (offers_qop && !out.has_qop) {
    return Error(Code::Unsupported, "it wants another qop than auth");
  }
  if (out.nonce.empty()) {
    return Error(Code::Corrupt, "a SIP challenge without a nonce");
  }
  return out;
}

Result<std::string> sip_credentials(const SipChallenge& challenge, const SipLogin& login) {
  HA_TRY(const std::string who,
         digest_of(challenge, login.user + ":" + challenge.realm + ":" + std::string(login.password)));
  HA_TRY(const std::string what, digest_of(challenge, login.method + ":" + login.uri));
  const std::string quality = std::string(kNonceCount) + ":" + login.client_nonce + ":auth:";
  HA_TRY(const std::string response,
         digest_of(challenge, who + ":" + challenge.nonce + ":" + (challenge.has_qop ? quality : "") + what));
  std::string out = "Digest username=\"" + login.user + "\", realm=\"" + challenge.realm + "\", nonce=\"" +
                    challenge.nonce + "\", uri=\"" + login.uri + "\", response=\"" + response + "\"";
  if (challenge.algorithm) {
    out += ", algorithm=" + *challenge.algorithm;
  }
  if (challenge.opaque) {
    out += ", opaque=\"" + *challenge.opaque + "\"";
  }
  if (challenge.has_qop) {
    out += ", qop=auth, nc=" + std::string(kNonceCount) + ", cnonce=\"" + login.client_nonce + "\"";
  }
  return out;
}

}  // namespace ha::failover
