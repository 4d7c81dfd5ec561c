// What a recipe with mistakes is told.
#pragma once
#include "config/explain.h"
#include "tests/recipe/support.h"
#include "tests/support/catch.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

namespace sslrun::recipe {

struct Mistake {
  std::string code, key, phrase;  // phrase: part of what and help
  std::string place{};            // empty: at the mark ` in the text, the n-th for the n-th mistake
};

struct Bad {
  std::string from, to;  // kGood with `from` replaced by `to`; from empty: `to` is the whole recipe
  std::vector<std::string> overrides;
  std::vector<Mistake> mistakes;  // all of them, in order
};

// Takes the marks out of a text and adds the place of each, "line:column", in order.
inline void take_marks(std::string& text, int shift, std::vector<std::string>& places) {
  for (std::size_t at; (at = text.find('`')) != std::string::npos;) {
    text.erase(at, 1);
    const std::string before = text.substr(0, at);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const std::size_t begin = before.rfind('\n') == std::string::npos ? 0 : before.rfind('\n') + 1;
    places.push_back(fmt::format("{}:{}", line, at - begin + 1 + static_cast<std::size_t>(shift)));
  }
}

inline void check_entry(const Workplace& work, const Bad& bad) {
  constexpr int kFlag = 6;  // "--set "
  std::string text = work.expand(bad.from.empty() ? bad.to : replaced(kGood, bad.from, bad.to));
  std::vector<std::string> overrides = bad.overrides, places;
  take_marks(text, 0, places);
  for (std::string& one : overrides) {
    one = work.expand(one);
    take_marks(one, kFlag, places);
  }
  const std::vector<config::Diagnostic> found = work.mistakes(text, overrides);
  std::string all;
  for (const config::Diagnostic& d : found) all += config::render(d) + "\n";
  INFO("recipe:\n" << text.substr(0, 1000) << "\nsaid:\n" << all.substr(0, 2000));
  REQUIRE(found.size() == bad.mistakes.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    const Mistake& want = bad.mistakes[i];
    const config::Diagnostic& got = found[i];
    CHECK(got.code == want.code);
    CHECK(config::explain(got.code) != nullptr);
    CHECK(got.key == want.key);
    CHECK_THAT(got.what + " | " + got.help, Catch::Matchers::Contains(want.phrase));
    REQUIRE(got.span.source != nullptr);
    const std::string place = fmt::format("{}:{}", got.span.line, got.span.column);
    if (want.place.empty()) {
      REQUIRE(i < places.size());
      CHECK(place == places[i]);
    } else {
      CHECK_THAT(got.span.place(), Catch::Matchers::Contains(want.place));
    }
  }
}

}  // namespace sslrun::recipe
