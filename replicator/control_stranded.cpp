#include "replicator/control_stranded.h"

#include <memory>
#include <string>
#include <utility>

#include "schemas/control.pb.h"

namespace ha::replicator {
namespace {

namespace pb = ha::schemas::control;

constexpr std::size_t kItemsShownMax = 10'000;

// One question, while it goes from set to set.
struct Question {
  wire::ControlServer& server;
  wire::Loop& loop;
  Pipeline& pipeline;
  std::uint64_t client;
  std::string what;  // list, show, keep, drop
  std::string id;
  std::string to;  // of keep
  bool found = false;
};

void answer(Question& question, const std::string& set, const StrandedIncident& incident) {
  pb::Reply message;
  pb::Incident& out = *message.mutable_incident();
  out.set_set(set);
  out.set_id(incident.id);
  out.set_epoch(incident.epoch);
  out.set_time_ns(incident.time_ns);
  out.set_count(incident.count);
  out.set_bytes(incident.bytes);
  for (const StrandedItem& item : incident.items) {
    pb::Item& shown = *out.add_items();
    shown.set_set(set);
    shown.set_key(item.key);
    shown.set_bytes(item.bytes);
    shown.set_what(item.deleted ? "deleted" : "changed");
  }
  question.server.reply(question.client, message.SerializeAsString());
}

// On the set's strand: what there is, after what was asked has been done.
Result<std::vector<StrandedIncident>> ask(SetStore& store, const Question& question) {
  HA_TRY(std::vector<StrandedIncident> all, store.stranded(question.what == "show" ? kItemsShownMax : 0));
  std::erase_if(all,
                [&](const StrandedIncident& each) { return !question.id.empty() && each.id != question.id; });
  if (!all.empty() && question.what == "drop") {
    HA_CHECK(store.drop_stranded(question.id));
  } else if (!all.empty() && question.what == "keep") {
    HA_CHECK(store.keep_stranded(question.id, question.to));
  }
  return all;
}

void go_on(const std::shared_ptr<Question>& question, std::size_t number) {
  const auto& sets = question->pipeline.config().sets();
  if (number == sets.size()) {
    if (!question->id.empty() && !question->found) {
      question->server.fail(
          question->client,
          Error(Code::NotFound, "nothing stranded is called \"" + escape(question->id) + "\"",
                "hareplicate stranded"));
    } else {
      question->server.end(question->client);
    }
    return;
  }
  const std::string set = sets[number].name;
  const bool here = question->pipeline.on_set(set, [question, number, set](SetStore* store) {
    auto done = store != nullptr ? ask(*store, *question) : std::vector<StrandedIncident>();
    question->loop.post_or_wait([question, number, set, done = std::move(done)] {
      if (!done.ok()) {
        question->server.fail(question->client, done.error());
        return;
      }
      for (const StrandedIncident& incident : *done) {
        question->found = true;
        answer(*question, set, incident);
      }
      go_on(question, number + 1);
    });
  });
  if (!here) {
    go_on(question, number + 1);
  }
}

}  // namespace

bool changes_stranded(const pb::Request& asked) {
  return asked.arguments_size() > 0 && (asked.arguments(0) == "drop" || asked.arguments(0) == "keep");
}

void answer_stranded(wire::ControlServer& server, wire::Loop& loop, Pipeline& pipeline, std::uint64_t client,
                     const pb::Request& asked) {
  const auto to = asked.flags().find("to");
  go_on(std::make_shared<Question>(Question{server, loop, pipeline, client,
                                            asked.arguments_size() > 0 ? asked.arguments(0) : "list",
                                            asked.arguments_size() > 1 ? asked.arguments(1) : "",
                                            to == asked.flags().end() ? "" : to->second, false}),
        0);
}

}  // namespace ha::replicator
