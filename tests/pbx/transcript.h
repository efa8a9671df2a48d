// What the tests of common/pbx share: what real PBXs have sent (fixtures/), and pieces of it.
//
// asterisk*.txt: one line of AMI each, "< " from the server and "> " to it, an LF within a line written as
// \n;
// *.raw and *.http: what the server sent, byte for byte.
#pragma once

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <iostream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/pbx/ami.h"
#include "common/pbx/esl.h"
#include "tests/sys/temp_directory.h"

namespace ha::pbx {

using sys::code_of;
using sys::must;

inline const std::vector<std::string> kAmiTranscripts = {
    "asterisk16-answers.txt",  "asterisk16-ari-contact.txt", "asterisk16-call.txt",
    "asterisk16-register.txt", "asterisk22-answers.txt",     "asterisk22-ari-contact.txt",
    "asterisk22-call.txt",     "asterisk22-qualify.txt",     "asterisk22-register.txt"};
inline const std::vector<std::string> kEslTranscripts = {"freeswitch-badauth.raw", "freeswitch-commands.raw",
                                                         "freeswitch-json.raw", "freeswitch-plain.raw",
                                                         "freeswitch-shutdown.raw"};

inline Bytes fixture(const std::string& name) {
  const auto folder = must(sys::Directory::open_root(HA_FIXTURES_DIR));
  return must(sys::read_file(folder, name, 1 << 20));
}

// What went one way, as it travelled. `way`: '<' or '>'.
inline Bytes ami_bytes(const std::string& name, char way) {
  const Bytes transcript = fixture(name);
  Bytes out;
  for (const std::string_view line : split(transcript, '\n')) {
    if (line.empty() || line[0] != way) {
      continue;
    }
    std::string text(line.substr(2));
    for (std::size_t at = text.find("\\n"); at != std::string::npos; at = text.find("\\n", at)) {
      text.replace(at, 2, "\n");
    }
    out += text + "\r\n";
  }
  return out;
}

template <typename Decoder>
struct MessageOf;
template <>
struct MessageOf<AmiDecoder> {
  using Type = AmiMessage;
};
template <>
struct MessageOf<EslDecoder> {
  using Type = EslFrame;
};

// All that comes out when `pieces` go in, one after the other.
template <typename Decoder>
std::vector<typename MessageOf<Decoder>::Type> decode(const std::vector<BytesView>& pieces) {
  Decoder decoder;
  std::vector<typename MessageOf<Decoder>::Type> out;
  for (const BytesView piece : pieces) {
    decoder.feed(piece);
    for (;;) {
      auto message = must(decoder.next());
      if (!message) {
        break;
      }
      out.push_back(std::move(*message));
    }
  }
  return out;
}

// Cuts `stream` in two at every byte. Of a long one only what is about the cut is decoded, behind `greeting`,
// which it begins with.
template <typename Decoder>
void check_every_cut(BytesView stream, BytesView greeting) {
  // Byte by byte, which says where messages end.
  std::vector<std::size_t> ends{greeting.size()};
  std::vector<typename MessageOf<Decoder>::Type> messages;
  Decoder decoder;
  for (std::size_t i = 0; i < stream.size(); ++i) {
    decoder.feed(stream.substr(i, 1));
    while (auto message = must(decoder.next())) {
      messages.push_back(std::move(*message));
      ends.push_back(i + 1);
    }
  }
  BOOST_REQUIRE(messages == decode<Decoder>({stream}));
  constexpr std::size_t kShort = 6'000;
  std::size_t at = 0;  // the message that the cut is in
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    while (at + 1 < ends.size() && ends[at + 1] <= cut) {
      ++at;
    }
    const bool is_short = stream.size() < kShort;
    const std::size_t first = is_short || at == 0 ? 0 : at - 1;
    const std::size_t last = is_short ? messages.size() : std::min(at + 2, messages.size());
    const std::size_t begin = first == 0 ? 0 : ends[first];
    const std::size_t end = last == messages.size() ? stream.size() : ends[last];
    const BytesView head = first == 0 ? BytesView() : greeting;
    const auto got =
        decode<Decoder>({head, stream.substr(begin, cut - begin), stream.substr(cut, end - cut)});
    if (!std::equal(got.begin(), got.end(), messages.begin() + static_cast<std::ptrdiff_t>(first),
                    messages.begin() + static_cast<std::ptrdiff_t>(last))) {
      BOOST_FAIL("cut at byte " << cut << ": other messages");
    }
  }
}

// The same for pieces of random sizes.
template <typename Decoder>
void check_random_pieces(BytesView stream) {
  const auto seed = std::random_device()();
  std::cout << "seed of the pieces: " << seed << "\n";
  std::mt19937 random(seed);
  const auto whole = decode<Decoder>({stream});
  for (int round = 0; round < 20; ++round) {
    std::vector<BytesView> pieces;
    for (std::size_t at = 0; at < stream.size();) {
      const std::size_t size = 1 + random() % (round % 2 == 0 ? 10 : 3'000);
      pieces.push_back(stream.substr(at, size));
      at += pieces.back().size();
    }
    BOOST_REQUIRE(decode<Decoder>(pieces) == whole);
  }
}

// The error of a decoder that is fed `stream` in pieces of `piece` bytes; it has to be the same ever after.
template <typename Decoder>
Error error_of(BytesView stream, std::size_t piece = 65'536) {
  Decoder decoder;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    decoder.feed(stream.substr(at, piece));
    for (;;) {
      auto message = decoder.next();
      if (!message.ok()) {
        decoder.feed("x\r\n\r\n");
        const auto again = decoder.next();
        BOOST_REQUIRE(!again.ok());
        BOOST_TEST(again.error().what() == message.error().what());
        return message.error();
      }
      if (!message->has_value()) {
        break;
      }
    }
  }
  BOOST_FAIL("no error");
  return {Code::Internal, ""};
}

}  // namespace ha::pbx
