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

bool is_same_name(std::string_view one, std::string_view other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  return begin == text.npos ? std::string_view()
                            : text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::string_view without_return(std::string_view line) {
  return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
}

// The value of the first header of that name, in its long or its one-letter form, folded lines put together.
std::optional<std::string> header(BytesView head, std::string_view name, std::string_view brief) {
  std::optional<std::string> out;
  bool first = true;
  for_lines(head, [&](std::string_view line) {
    line = without_return(line);
    if (std::exchange(first, false)) {
      return true;
    }
    const bool goes_on = line.starts_with(' ') || line.starts_with('\t');
    if (out) {
      if (goes_on) {
        *out += " " + std::string(trimmed(line));
      }
      return goes_on;
    }
    const std::size_t colon = line.find(':');
    if (!goes_on && colon != line.npos) {
      const std::string_view found = trimmed(line.substr(0, colon));
      if (is_same_name(found, name) || is_same_name(found, brief)) {
        out = std::string(trimmed(line.substr(colon + 1)));
      }
    }
    return true;
  });
  return out;
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

bool has_branch(std::string_view via, const std::string& token) {
  const std::string wanted = "branch=" + std::string(kBranch) + token;
  const std::size_t at = via.find(wanted);
  const std::size_t end = at + wanted.size();
  return at != via.npos && (end == via.size() || std::string_view(";, \t").find(via[end]) != via.npos);
}

}  // namespace

Result<Bytes> make_sip_options(const SipRequest& request) {
  if (!is_plain(request.user, "-_.!~*'()&=+$,;?/%")) {
    return Error(Code::Invalid, "user is none of a SIP URI: " + in_quotes(request.user));
  }
  if (request.token.empty() || !is_plain(request.token, "")) {
    return Error(Code::Invalid, "a token has letters and digits only");
  }
  const std::string uri = "sip:" + (request.user.empty() ? "" : request.user + "@") + request.to;
  return "OPTIONS " + uri + " SIP/2.0\r\n" +  //
         "Via: SIP/2.0/" + request.transport + " " + request.from + ";branch=" + Bytes(kBranch) +
         request.token + ";rport\r\n" +                                                  //
         "Max-Forwards: 70\r\n" +                                                        //
         "From: <sip:hareplicate@" + request.from + ">;tag=" + request.token + "\r\n" +  //
         "To: <" + uri + ">\r\n" +                                                       //
         "Call-ID: " + request.token + "@hareplicate\r\n" +                              //
         "CSeq: 1 OPTIONS\r\n" +                                                         //
         "Contact: <sip:hareplicate@" + request.from + ">\r\n" +                         //
         "Accept: application/sdp\r\n" +                                                 //
         "User-Agent: hareplicate\r\n" +                                                 //
         "Content-Length: 0\r\n\r\n";
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
  if (*call != request.token + "@hareplicate" || words.size() != 2 || words[0] != "1" ||
      words[1] != "OPTIONS" || !has_branch(*via, request.token)) {
    return Error(Code::Conflict, "an answer to another request");
  }
  const BytesView reason = first.size() > 12 ? first.substr(12) : BytesView();
  return SipReply{static_cast<unsigned>(*status), escape(reason.substr(0, 64))};
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
