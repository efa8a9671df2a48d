#include "dnsupdater/mark.h"

namespace ha::dns {

std::string_view mark_text(Mark mark) noexcept {
  switch (mark) {
    case Mark::Good:
      return "good";
    case Mark::Note:
      return "note";
    case Mark::Bad:
      return "bad";
    case Mark::Skipped:
      return "skipped";
  }
  return "";
}

std::string_view mark_sign(Mark mark) noexcept {
  switch (mark) {
    case Mark::Good:
      return "✓";
    case Mark::Note:
      return "!";
    case Mark::Bad:
      return "✗";
    case Mark::Skipped:
      return "–";
  }
  return "";
}

}  // namespace ha::dns
