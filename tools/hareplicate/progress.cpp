#include "tools/hareplicate/progress.h"

#include <cstdio>

#include "common/base/json_out.h"
#include "common/base/nanoseconds.h"
#include "common/base/units.h"
#include "schemas/control.pb.h"

namespace ha::tool {
namespace {

namespace pb = ha::schemas::control;

std::string utc(std::int64_t nanoseconds) {
  return show_utc(wall_time(nanoseconds), true);
}

}  // namespace

std::string Progress::line(const pb::Job& job, SteadyTime now) {
  if (job.phase() != "copying" || job.items_total() == 0) {
    std::uint64_t items = 0;
    for (const pb::JobPart& part : job.parts()) {
      items += part.items();
    }
    samples_.clear();
    return job.phase() + "   " + show_count(items) + " items, 0 B sent";
  }
  samples_.push_back({now, job.bytes_done()});
  while (samples_.size() > 2 && now - samples_.front().time > kRateWindow) {
    samples_.pop_front();
  }
  const double seconds = std::chrono::duration<double>(now - samples_.front().time).count();
  const std::uint64_t moved = job.bytes_done() - std::min(job.bytes_done(), samples_.front().bytes);
  const double rate = seconds > 0 ? static_cast<double>(moved) / seconds : 0;
  std::string out = job.phase() + "   " + show_count(job.items_done()) + "/" + show_count(job.items_total()) +
                    " items   " + show_size(job.bytes_done()) + "/" + show_size(job.bytes_total()) + "   " +
                    show_size(job.sent_bytes()) + " sent";
  if (rate >= 1) {
    const double left = static_cast<double>(job.bytes_total() - job.bytes_done()) / rate;
    out += "   " + show_rate(static_cast<std::uint64_t>(rate)) + "   " +
           show_age(std::chrono::duration_cast<Duration>(std::chrono::duration<double>(left))) + " left";
  }
  return out;
}

void Progress::show(const Context& context, const pb::Job& job, bool terminal, SteadyTime now) {
  const std::string text = line(job, now);
  const bool due = !printed_ || now - *printed_ >= kPlainInterval;
  if (context.json()) {
    print(job_json(job) + "\n");
  } else if (context.globals.quiet) {
    return;
  } else if (terminal) {
    std::fprintf(stderr, "\r\033[K%s", text.c_str());
    on_screen_ = true;
  } else if (due) {
    std::fprintf(stderr, "%s\n", text.c_str());
    printed_ = now;
  }
  std::fflush(stderr);
}

void Progress::clear() {
  if (on_screen_) {
    std::fputs("\r\033[K", stderr);
    on_screen_ = false;
  }
}

std::string job_json(const pb::Job& job) {
  JsonList parts;
  for (const pb::JobPart& part : job.parts()) {
    JsonObject out;
    out.text("set", part.set()).text("peer", part.peer()).text("phase", part.phase());
    out.count("items", part.items()).count("items_done", part.items_done());
    out.count("items_total", part.items_total()).count("bytes_done", part.bytes_done());
    out.count("bytes_total", part.bytes_total()).count("sent_bytes", part.sent_bytes());
    part.has_differences() ? out.count("differences", part.differences()) : out.none("differences");
    out.flag("good", part.good()).text("reason", part.reason()).text("hint", part.hint());
    parts.add(out.text());
  }
  JsonObject out;
  out.text("schema", "hareplicate.job/1").text("id", job.id()).text("verb", job.verb());
  out.text("phase", job.phase()).text("user", job.user()).text("started", utc(job.started_ns()));
  job.ended_ns() != 0 ? out.text("ended", utc(job.ended_ns())) : out.none("ended");
  out.count("items_done", job.items_done()).count("items_total", job.items_total());
  out.count("bytes_done", job.bytes_done()).count("bytes_total", job.bytes_total());
  out.count("sent_bytes", job.sent_bytes()).count("differences", job.differences());
  out.flag("good", job.good()).raw("parts", parts.text());
  return out.text();
}

}  // namespace ha::tool
