#include "config/reader.h"

#include "config/document.h"
#include "config/explain.h"
#include "tests/config/sample.h"
#include "tests/support/catch.h"

#include <cstdlib>
#include <string>

namespace sslrun::config {
namespace {

using sample::Sample;

std::vector<Diagnostic> mistakes(const std::string& text,
                                 const std::vector<std::string>& overrides = {}) {
  Sample s;
  try {
    read(parse_document("r.yaml", text, overrides), s.body());
  } catch (const ConfigError& e) {
    CHECK(e.exit_code() == 3);
    return e.diagnostics();
  }
  return {};
}

// One line per mistake: "line:column code key: what | help".
std::string told(const std::string& text, const std::vector<std::string>& overrides = {}) {
  std::string s;
  for (const Diagnostic& d : mistakes(text, overrides)) {
    CHECK(explain(d.code) != nullptr);
    s += std::to_string(d.span.line) + ":" + std::to_string(d.span.column) + " " + d.code + " " +
         d.key + ": " + d.what;
    if (!d.help.empty()) s += " | " + d.help;
    s += "\n";
  }
  return s;
}

const std::string kRest = "data: {train: x}\noptimizer: {name: sgd}\n";

struct Bad {
  std::string text, expected;  // expected: how each line of told() must begin
};

const Bad kBad[] = {
    {"temperature: -0.1\n", "1:14 E0203 temperature: must be > 0, got -0.1\n"},
    {"temperature: 0\n", "1:14 E0203 temperature: must be > 0, got 0\n"},
    {"temperature: .nan\n", "1:14 E0203 temperature: must be > 0, got .nan\n"},
    {"temperature: .inf\n", "1:14 E0203"},
    {"temperature: 1e999\n", "1:14 E0203"},
    {"temperature: '0.5'\n",
     "1:14 E0201 temperature: must be a number, got the text '0.5' | remove the quotes\n"},
    {"temperature: warm\n", "1:14 E0201 temperature: must be a number, got the text 'warm'\n"},
    {"temperature: [1]\n", "1:14 E0201 temperature: must be a number, got a list\n"},
    {"temperature:\n", "1:1 E0201 temperature: must be a number, got nothing\n"},
    {"temperature: 0.1x\n", "1:14 E0201"},
    {"temperature: 1_0\n",
     "1:14 E0201 temperature: must be a number, got the text '1_0' | write 10\n"},
    {"temperatur: 0.1\n", "1:1 E0101 temperatur: unknown key | did you mean temperature?\n"},
    {"Temperature: 0.1\n", "1:1 E0101 Temperature: unknown key | did you mean temperature?\n"},
    {"epochs: 3\n", "1:1 E0101 epochs: unknown key | epochs belongs under schedule\n"},
    {"zzzz: 3\n", "1:1 E0101 zzzz: unknown key\n"},
    {"title: 12\n", "1:8 E0201 title: must be text, got the number 12 | put it in quotes: '12'\n"},
    {"title: true\n", "1:8 E0201 title: must be text, got true"},
    {"title: ${env:SSLRUN_NOT_SET}\n",
     "1:8 E0301 title: the environment variable SSLRUN_NOT_SET must be set"},
    {"title: ${HOME}\n",
     "1:8 E0302 title: must be ${env:NAME} or ${env:NAME,default}, got '${HOME}' | write "
     "${env:HOME}\n"},
    {"title: ${env:A\n", "1:8 E0302"},
    {"mean: 0.5\n",
     "1:7 E0201 mean: must be a list of numbers, got the number 0.5 | write [0.5]\n"},
    {"mean: [0.5, 2, x]\n",
     "1:13 E0203 mean: must be >= 0 and <= 1, got 2\n1:16 E0201 mean: must be a number"},
    {"schedule: {epochs: 010}\n",
     "1:20 E0205 schedule.epochs: must be a number without leading zeros, got 010 | write 10"},
    {"schedule: {epochs: 1.5}\n",
     "1:20 E0201 schedule.epochs: must be a whole number, got the number 1.5\n"},
    {"schedule: {epochs: 1e2}\n",
     "1:20 E0201 schedule.epochs: must be a whole number, got the number 1e2 | write 100\n"},
    {"schedule: {epochs: 0}\n", "1:20 E0203 schedule.epochs: must be >= 1 and <= 1000, got 0\n"},
    {"schedule: {epochs: 99999999999999999999}\n", "1:20 E0201"},
    {"schedule: {epochs: 5}\n",
     "1:11 E0207 schedule.warmup_epochs: must be at most schedule.epochs | shorten the warm-up\n"},
    {"schedule: {epochs: 5, warmup_epochs: 6}\n",
     "1:38 E0207 schedule.warmup_epochs: must be at most schedule.epochs, got 6"},
    {"schedule: {decay: cosin}\n",
     "1:19 E0204 schedule.decay: must be one of cosine, constant; got 'cosin' | did you mean "
     "cosine?\n"},
    {"schedule: {decay: step}\n",
     "1:19 E0204 schedule.decay: must be one of cosine, constant; got 'step'\n"},
    {"schedule: 3\n", "1:11 E0201 schedule: must be a mapping, got the number 3"},
    {"schedule: {temperature: 1}\n",
     "1:12 E0101 schedule.temperature: unknown key | temperature belongs at the top level"},
    {"knn: yes\n",
     "1:6 E0201 knn: must be a mapping, true or false, got the text 'yes' | 'knn: false' turns it "
     "off\n"},
    {"knn: {k: 0}\n", "1:10 E0203 knn.k: must be >= 1, got 0\n"},
    {"groups: {views: 2}\n",
     "1:9 E0201 groups: must be a list, got a mapping | begin each item with '- '\n"},
    {"groups:\n- views: 0\n  ops: [flop]\n",
     "2:10 E0203 groups[0].views: must be >= 1, got 0\n3:9 E0204 groups[0].ops[0]: must be one of "
     "flip, "
     "blur; got 'flop' | did you mean flip?\n"},
    {"groups:\n- ops: [flip: 2]\n",
     "2:15 E0203 groups[0].ops[0].flip.p: must be >= 0 and <= 1, got 2\n"},
    {"groups:\n- ops: [flip: [1]]\n",
     "2:15 E0201 groups[0].ops[0].flip.p: must be a number, got a list\n"},
    {"groups:\n- ops: [blur: 3]\n",
     "2:15 E0201 groups[0].ops[0].blur: must be a mapping, got the number 3"},
    {"groups:\n- ops: [blur: {kernel_size: 4}]\n",
     "2:29 E0207 groups[0].ops[0].blur.kernel_size: must be odd, got 4"},
    {"groups:\n- ops: [blur: {kernel_size: x}]\n",
     "2:29 E0201 groups[0].ops[0].blur.kernel_size: must be a whole number or auto"},
    {"groups:\n- ops: [blur: {sigma: [2, 1]}]\n",
     "2:23 E0206 groups[0].ops[0].blur.sigma: low must be <= high, got [2, 1]"},
    {"groups:\n- ops: [blur: {sigma: [1]}]\n",
     "2:23 E0206 groups[0].ops[0].blur.sigma: must be two numbers [low, high], got 1 of them"},
    {"groups:\n- ops:\n  - blur:\n    sigma: [1, 2]\n",
     "3:5 E0201 groups[0].ops[0]: must be a name or one 'name: {keys}', got a mapping of 2 keys | "
     "indent the "
     "keys of blur"},
    {"temperature: 1\ntemperature: 2\n",
     "2:1 E0008 temperature: a key must appear once in its mapping"},
    {"<<: {title: a}\n", "1:1 E0009"},
    {"title: !!str a\n", "1:8 E0013"},
    {"title: a\n  b: c\n", "E0002"},
    {"title: [a\n", "E0002"},
    {"mean: &a [*a]\n", "1:11 E0010"},
    {"? [a]\n: b\n", "1:3 E0012"},
    {"title: \xff\n", "1:8 E0006"},
    {"title: \x04\n", "1:8 E0006"},
};

}  // namespace

TEST_CASE("reader: each bad document is told what is wrong, and where", "[config][reader]") {
  for (const Bad& bad : kBad) {
    INFO(bad.text);
    const std::string got = told(bad.text + kRest);
    if (bad.expected.starts_with("E")) {
      CHECK_THAT(got, Catch::Matchers::Contains(bad.expected));
    } else if (bad.expected.ends_with("\n")) {
      CHECK(got == bad.expected);
    } else {
      CHECK_THAT(got, Catch::Matchers::StartsWith(bad.expected));
    }
  }
}

TEST_CASE("reader: a good document has no mistakes and fills the struct", "[config][reader]") {
  Sample s;
  read(parse_document("r.yaml", sample::kGood), s.body());
  CHECK(s.temperature == 0.2);
  CHECK_FALSE(s.shuffle);
  CHECK(s.workers == 4);
  CHECK(s.warmup_epochs == 2);
  CHECK(s.lr == 0.1);
  CHECK(s.decay_end == 0.25);
  REQUIRE(s.groups.size() == 2);
  REQUIRE(s.groups[0].ops.size() == 3);
  CHECK(dynamic_cast<sample::Flip&>(*s.groups[0].ops[0].config).p == 0.25);
  CHECK(dynamic_cast<sample::Blur&>(*s.groups[0].ops[2].config).kernel_size == 23);
  CHECK(s.groups[1].views == 1);
  CHECK(dynamic_cast<sample::Sgd&>(*s.optimizer.config).momentum == 0.8);
}

TEST_CASE("reader: booleans are true and false alone", "[config][reader]") {
  for (const char* word : {"yes", "on", "1", "'true'", "y", "tRue"}) {
    INFO(word);
    CHECK_THAT(
        told("data: {train: x, shuffle: " + std::string(word) + "}\noptimizer: {name: sgd}\n"),
        Catch::Matchers::StartsWith("1:27 E0201 data.shuffle: must be true or false"));
  }
}

TEST_CASE("reader: missing keys are told once, with the mistakes beside them", "[config][reader]") {
  CHECK(told("title: a\n") ==
        "1:1 E0102 data: the key must be given, it has no default\n"
        "1:1 E0102 optimizer: the key must be given, it has no default\n");
  CHECK(told("data: {}\noptimizer: {lr: -1, momentum: 2}\n") ==
        "1:7 E0102 data.train: the key must be given, it has no default\n"
        "2:12 E0102 optimizer.name: the key must be given, it has no default\n"
        "2:17 E0203 optimizer.lr: must be >= 0, got -1\n");
  CHECK(told("data: 3\noptimizer: sgd\n") ==
        "1:7 E0201 data: must be a mapping, got the number 3 | write 'key: value' lines, indented "
        "below it\n"
        "2:12 E0201 optimizer: must be a mapping, got the text 'sgd' | write optimizer: {name: "
        "sgd}\n");
}

TEST_CASE("reader: all mistakes come in one pass, in the order of the text", "[config][reader]") {
  const auto found = mistakes("zz: 1\ntemperature: -1\ntitle: 3\ntitle: 4\n" + kRest,
                              {"schedule.epochs=0", "q=1"});
  std::string codes;
  for (const Diagnostic& d : found) codes += std::string(d.code) + " ";
  CHECK(codes == "E0101 E0203 E0201 E0008 E0203 E0101 ");
}

TEST_CASE("reader: a rule between keys is told beside mistakes that it does not depend on",
          "[config][reader]") {
  const auto read_rule = [](const std::string& text) {
    double a = 0, b = 0, c = 0;
    const Body body = [&](Fields& f) {
      f.section("one", "", [&](Fields& s) { s.real("a", a, {}, ""); });
      f.section("two", "", [&](Fields& s) { s.real("b", b, {}, ""); });
      f.real("c", c, {}, "");
      f.check("one.a", a > 1, "must be > 1", "");
    };
    std::string codes;
    for (const Diagnostic& d : find_mistakes(parse_document("r.yaml", text), body)) {
      codes += d.key + " " + d.code + "; ";
    }
    return codes;
  };
  CHECK(read_rule("one: {a: 2}\ntwo: {b: 2}\nc: 2\n").empty());
  CHECK(read_rule("one: {a: 1}\ntwo: {b: x}\n") == "one.a E0207; two.b E0201; ");
  CHECK(read_rule("one: {a: x}\ntwo: {b: 2}\n") == "one.a E0201; ");
  CHECK(read_rule("one: {a: 1}\nc: x\n") == "c E0201; ");  // the rule may be about c
}

TEST_CASE("reader: texts expand the environment and the home folder", "[config][reader]") {
  setenv("SSLRUN_TEST_A", "aa", 1);
  setenv("HOME", "/home/x", 1);
  Sample s;
  read(parse_document("r.yaml",
                      "title: '~/${env:SSLRUN_TEST_A}-${env:SSLRUN_TEST_B,b}'\ndata: {train: "
                      "~/d}\noptimizer: {name: sgd}"),
       s.body());
  CHECK(s.title == "~/aa-b");
  CHECK(s.train == "/home/x/d");
}

TEST_CASE("diagnostic: rendered like a compiler's message", "[config][diagnostic]") {
  const auto found = mistakes("# \xc3\xa9\ntemperature: -0.1\n" + kRest);
  REQUIRE(found.size() == 1);
  CHECK(render(found[0]) ==
        "r.yaml:2:14: error[E0203]: temperature: must be > 0, got -0.1\n"
        "    2 | temperature: -0.1\n"
        "      |              ^~~~\n"
        "  note: default 0.1; softmax temperature");
  const auto by_override = mistakes(kRest, {"optimizer.lr=-1"});
  REQUIRE(by_override.size() == 1);
  CHECK(render(by_override[0]) ==
        "--set optimizer.lr=-1: error[E0203]: optimizer.lr: must be >= 0, got -1\n"
        "      | --set optimizer.lr=-1\n"
        "      |                    ^~\n"
        "  note: default 0.3; learning rate");
}

}  // namespace sslrun::config
