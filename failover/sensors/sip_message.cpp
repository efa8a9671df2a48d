#include "failover/sensors/sip_message.h"

#include <algorithm>
#include <cctype>

#include "failover/sensors/proc_text.h"

namespace ha::failover {
namespace {

constexpr std::string_view kBranch = "z9hG4bK";  // RFC 3261 8.1.1.7

bool is_plain(std::string_view text, std::string_view also) {
  return std::all_of(text.begin(), text.end(), [&](char each) {
    return std::isalnum(static_cast<unsigned char>(each)) != 0 || also.find(each) != also.npos;
  });
}

char lower(char each) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(each)));
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  return begin == text.npos ? std::string_view()
                            : text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::string_view without_return(std::string_view line) {
  return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
}

// The values of the headers of that name, in its long or its one-letter form, folded lines put together.
std::vector<std::string> headers(BytesView head, std::string_view name, std::string_view brief) {
  std::vector<std::string> out;
  bool first = true;
  bool is_wanted = false;
  for_lines(head, [&](std::string_view line) {
    line = without_return(line);
    if (std::exchange(first, false)) {
      return true;
    }
    if (line.starts_with(' ') || line.starts_with('\t')) {
      if (is_wanted) {
        out.back() += " " + std::string(trimmed(line));
      }
      return true;
    }
    const std::size_t colon = std::min(line.find(':'), line.size());
    const std::string_view found = trimmed(line.substr(0, colon));
    is_wanted = colon < line.size() && (is_same_name(found, name) || is_same_name(found, brief));
    if (is_wanted) {
      out.emplace_back(trimmed(line.substr(colon + 1)));
    }
    return true;
  });
  return out;
}

// The first of them.
std::optional<std::string> header(BytesView head, std::string_view name, std::string_view brief) {
  std::vector<std::string> all = headers(head, name, brief);
  return all.empty() ? std::nullopt : std::optional(std::move(all.front()));
}

// What is before the empty line, and where that ends.
struct Head {
  BytesView text;
  std::size_t end;
};
std::optional<Head> head_of(BytesView message) {
  const std::size_t at = message.find("\r\n\r\n");
  return at == message.npos ? std::nullopt : std::optional(Head{message.substr(0, at), at + 4});
}

std::string branch_of(const SipRequest& request) {
  return std::string(kBranch) + request.token + "." + std::to_string(request.sequence);
}

bool has_branch(std::string_view via, const SipRequest& request) {
  const std::string wanted = "branch=" + branch_of(request);
  const std::size_t at = via.find(wanted);
  const std::size_t end = at + wanted.size();
  return at != via.npos && (end == via.size() || std::string_view(";, \t").find(via[end]) != via.npos);
}

Status check_user(const std::string& user) {
  return is_plain(user, "-_.!~*'()&=+$,;?/%")
             ? ok()
             : Error(Code::Invalid, "user is none of a SIP URI: " + in_quotes(user));
}

// `more`: whole headers.
Result<Bytes> request_of(const SipRequest& request, const std::string& uri, const std::string& from,
                         const std::string& to, const std::string& more) {
  if (request.token.empty() || !is_plain(request.token, "")) {
    return Error(Code::Invalid, "a token has letters and digits only");
  }
  return request.method + " " + uri + " SIP/2.0\r\n" +  //
         "Via: SIP/2.0/" + request.transport + " " + request.from + ";branch=" + branch_of(request) +
         ";rport\r\n" +                                                                 //
         "Max-Forwards: 70\r\n" +                                                       //
         "From: <" + from + ">;tag=" + request.token + "\r\n" +                         //
         "To: <" + to + ">\r\n" +                                                       //
         "Call-ID: " + request.token + "@hareplicate\r\n" +                             //
         "CSeq: " + std::to_string(request.sequence) + " " + request.method + "\r\n" +  //
         more +                                                                         //
         "User-Agent: hareplicate\r\n" +                                                //
         "Content-Length: 0\r\n\r\n";
}

}  // namespace

bool is_same_name(std::string_view one, std::string_view other) noexcept {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

Result<Bytes> make_sip_options(const SipRequest& request, const std::string& host, const std::string& user) {
  HA_CHECK(check_user(user));
  const std::string uri = "sip:" + (user.empty() ? "" : user + "@") + host;
  const std::string us = "sip:hareplicate@" + request.from;
  return request_of(request, uri, us, uri, "Contact: <" + us + ">\r\nAccept: application/sdp\r\n");
}

std::string registrar_uri(const SipBinding& binding) {
  return "sip:" + binding.domain;
}

Result<Bytes> make_sip_register(const SipRequest& request, const SipBinding& binding,
                                const std::string& login) {
  HA_CHECK(check_user(binding.user));
  HA_CHECK(check_user(binding.contact));
  if (binding.domain.empty() || !is_plain(binding.domain, "-.:[]")) {
    return Error(Code::Invalid, "domain is none of a SIP URI: " + in_quotes(binding.domain));
  }
  const std::string account = "sip:" + binding.user + "@" + binding.domain;
  const std::string transport = request.transport == "TCP" ? ";transport=tcp" : "";
  const std::string contact = "Contact: <sip:" + binding.contact + "@" + request.from + transport + ">\r\n" +
                              "Expires: " + std::to_string(binding.expires_s) + "\r\n";
  return request_of(request, registrar_uri(binding), account, account,
                    (binding.contact.empty() ? "" : contact) + login);
}

Result<SipReply> parse_sip_reply(BytesView message, const SipRequest& request) {
  if (message.size() > kSipMessageMax) {
    return Error(Code::Exhausted, "a SIP message of more than 64 KiB");
  }
  const auto head = head_of(message);
  if (!head) {
    return Error(Code::Corrupt, "the headers of a SIP message do not end");
  }
  const BytesView first = without_return(head->text.substr(0, head->text.find('\n')));
  constexpr std::string_view kVersion = "SIP/2.0 ";
  if (!first.starts_with(kVersion)) {
    return first.ends_with(" SIP/2.0") ? Error(Code::Conflict, "a SIP request came")
                                       : Error(Code::Corrupt, "what answers does not speak SIP");
  }
  const auto status = whole_number(first.substr(kVersion.size(), 3));
  if (!status || *status < 100 || *status > 699 || (first.size() > 11 && first[11] != ' ')) {
    return Error(Code::Corrupt, "a SIP answer without a status");
  }
  const auto call = header(head->text, "Call-ID", "i");
  const auto sequence = header(head->text, "CSeq", "CSeq");
  const auto via = header(head->text, "Via", "v");
  if (!call || !sequence || !via) {
    return Error(Code::Corrupt, "a SIP answer without Call-ID, CSeq or Via");
  }
  const auto words = words_of(*sequence);
  if (*call != request.token + "@hareplicate" || words.size() != 2 ||
      words[0] != std::to_string(request.sequence) || words[1] != request.method ||
      !has_branch(*via, request)) {
    return Error(Code::Conflict, "an answer to another request");
  }
  const BytesView reason = first.size() > 12 ? first.substr(12) : BytesView();
  const char* const challenge = *status == 407 ? "Proxy-Authenticate" : "WWW-Authenticate";
  return SipReply{static_cast<unsigned>(*status), escape(reason.substr(0, 64)),
                  headers(head->text, "Contact", "m"), headers(head->text, challenge, challenge)};
}

Result<std::optional<std::size_t>> sip_message_end(BytesView stream) {
  const auto head = head_of(stream);
  if (!head) {
    if (stream.size() > kSipMessageMax) {
      return Error(Code::Exhausted, "SIP headers of more than 64 KiB");
    }
    return std::optional<std::size_t>();
  }
  const auto length = header(head->text, "Content-Length", "l");
  const auto bytes = length ? whole_number(*length) : std::optional<std::uint64_t>(0);
  if (!bytes) {
    return Error(Code::Corrupt, "a Content-Length that is no number");
  }
  if (*bytes > kSipMessageMax || head->end + *bytes > kSipMessageMax) {
    return Error(Code::Exhausted, "a SIP message of more than 64 KiB");
  }
  const std::size_t end = head->end + static_cast<std::size_t>(*bytes);
  return end <= stream.size() ? std::optional(end) : std::nullopt;
}

}  // namespace ha::failover
