// dnsupdater pool show, in, drain, maint, down, add, remove, weight
#include <algorithm>
#include <charconv>
#include <iterator>

#include "common/base/cli_table.h"
#include "common/base/units.h"
#include "dnsupdater/desk.h"
#include "dnsupdater/pool_wish.h"

namespace ha::dns {
namespace {

constexpr std::pair<std::string_view, PoolChange> kChanges[] = {
    {"in", PoolChange::In},         {"drain", PoolChange::Drain}, {"maint", PoolChange::Maint},
    {"down", PoolChange::Down},     {"add", PoolChange::Add},     {"remove", PoolChange::Remove},
    {"weight", PoolChange::Weight},
};

// Of a verb of the table, or a value that was checked.
PoolChange change_of_word(std::string_view word) {
  const auto* found = std::find_if(std::begin(kChanges), std::end(kChanges),
                                   [&](const auto& each) { return each.first == word; });
  HA_ASSERT(found != std::end(kChanges));
  return found->second;
}

Result<std::uint16_t> weight_of(const std::string& text) {
  std::uint16_t weight = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), weight);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) {
    return Error(Code::Invalid, in_quotes(text) + " is no weight", "0 to 65535");
  }
  return weight;
}

Result<PoolWish> wish_of(const Context& context) {
  const CliInvocation& given = context.invocation;
  PoolWish wish;
  wish.change = change_of_word(std::string_view(given.verb).substr(std::string_view("pool ").size()));
  std::size_t who = 1;
  if (wish.change == PoolChange::Weight) {
    HA_TRY(wish.weight, weight_of(context.argument(who++)));
  } else if (given.has("weight")) {
    HA_TRY(wish.weight, weight_of(given.value("weight")));
  }
  for (; who < given.arguments.size(); ++who) {
    wish.who.push_back(given.arguments[who]);
  }
  if (given.has("drop-protocol")) {
    wish.last = LastOfFamily::MayGo;
  }
  if (given.has("drain")) {
    HA_TRY(wish.drain, parse_duration(given.value("drain")));
  }
  if (given.has("until")) {
    wish.drain_command = {"/bin/sh", "-c", given.value("until")};
    wish.drain = given.has("drain") ? wish.drain : std::chrono::hours(12);
  }
  if (given.has("then")) {
    const std::string then = given.value("then");
    if (then != "maint" && then != "down" && then != "remove") {
      return Error(Code::Invalid, "--then " + escape(then) + ": use maint, down or remove");
    }
    wish.then = change_of_word(then);
  }
  return wish;
}

std::string site_of(const DnsConfig& config, const Address& address) {
  for (const SiteAddresses& site : config.sites()) {
    for (const auto* const list : {&site.service, &site.maintenance}) {
      if (std::find(list->begin(), list->end(), address) != list->end()) {
        return site.site;
      }
    }
  }
  return "";
}

Status add_rows(Desk& desk, const PoolConfig& pool, Table& table, std::vector<std::string>& wrong) {
  HA_TRY(const std::vector<SetKey> keys, pool_keys(pool));
  HA_TRY(const std::vector<RrSet> found, desk.read(pool.zone, keys));
  HA_TRY(const PoolView view, pool_view(pool, found));
  for (const PoolAddress& one : view.now) {
    const std::string site = site_of(desk.config(), one.address);
    table.add({pool.name.text(), one.address.text(), std::string(address_state_text(one.state)),
               TableCell(std::uint64_t{one.weight}, std::to_string(one.weight)),
               site.empty() ? TableCell::none() : TableCell(site)});
  }
  auto differs = pool_differences(desk.config(), pool, view, found);
  if (!differs.ok()) {
    wrong.push_back(differs.error().what());
  } else {
    for (const std::string& line : *differs) {
      wrong.push_back("changed by hand, the next change makes it right: " + line);
    }
  }
  return ok();
}

}  // namespace

Outcome run_pool(const Context& context) {
  HA_TRY(const Name name, Name::parse(context.argument(0)));
  HA_TRY(const PoolWish wish, wish_of(context));
  HA_TRY(const std::unique_ptr<Desk> desk, Desk::open(context));
  std::string what = context.invocation.verb;
  for (const std::string& word : context.invocation.arguments) {
    what += " " + escape(word);
  }
  return desk->carry_out([&](std::string id) -> Result<Operation> {
    std::vector<RrSet> found;
    if (const PoolConfig* pool = pool_called(desk->config(), name)) {
      HA_TRY(const std::vector<SetKey> keys, pool_keys(*pool));
      HA_TRY(found, desk->read(pool->zone, keys));
    }
    return pool_operation(desk->config(), name, found, wish, what, std::move(id));
  });
}

Outcome run_pool_show(const Context& context) {
  HA_TRY(const std::unique_ptr<Desk> desk, Desk::open(context));
  std::vector<const PoolConfig*> pools;
  for (const PoolConfig& each : desk->config().pools()) {
    pools.push_back(&each);
  }
  if (const std::string argument = context.argument(0); !argument.empty()) {
    HA_TRY(const Name name, Name::parse(argument));
    pools = {pool_called(desk->config(), name)};
    if (pools[0] == nullptr) {
      return Error(Code::Invalid, name.text() + " is no [[dns.pool]]", "dnsupdater pool show");
    }
  }
  Table table({{"POOL", "pool", Align::Left},
               {"ADDRESS", "address", Align::Left},
               {"STATE", "state", Align::Left},
               {"WEIGHT", "weight", Align::Right},
               {"SITE", "site", Align::Left}});
  std::vector<std::string> wrong;
  for (const PoolConfig* pool : pools) {
    if (Status added = add_rows(*desk, *pool, table, wrong); !added.ok()) {
      return desk->failed(std::move(added).error());
    }
  }
  print(table.empty() && context.globals.output == OutputMode::Table
            ? "no address is in a pool: dnsupdater pool add NAME SITE\n"
            : table.print(context.globals.output, "dnsupdater.pool/1"));
  for (const std::string& line : wrong) {
    talk(context, line + "\n");
  }
  return wrong.empty() ? ExitCode::Good : ExitCode::NotGood;
}

}  // namespace ha::dns
