#include "config/document.h"

#include "config/parse.h"
#include "tests/support/catch.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace sslrun::config {
namespace {

namespace fs = std::filesystem;

struct Folder {
  fs::path path = fs::temp_directory_path() / ("sslrun_config_" + std::to_string(::getpid()));

  Folder() { fs::create_directories(path); }

  ~Folder() { fs::remove_all(path); }

  fs::path write(const std::string& name, const std::string& text) const {
    fs::create_directories((path / name).parent_path());
    std::ofstream(path / name) << text;
    return path / name;
  }
};

std::string code_of(const std::string& text) {
  try {
    const Document d = parse_document("r.yaml", text);
    return d.found.empty() ? "" : d.found.front().code;
  } catch (const ConfigError& e) {
    return e.diagnostics().back().code;
  }
}

std::string text_at(const Document& d, const std::string& path) {
  const Node* node = find_path(d.root, path);
  return node ? node->text : "(absent)";
}

std::string repeat(const std::string& s, int n) {
  std::string all;
  for (int i = 0; i < n; ++i) all += s;
  return all;
}

}  // namespace

TEST_CASE("document: the limits hold, one below passes", "[config][document]") {
  CHECK(code_of("a: " + repeat("[", 63) + repeat("]", 63)) == "");
  CHECK(code_of("a: " + repeat("[", 64) + repeat("]", 64)) == "E0004");
  CHECK(code_of("a: " + repeat("[", 100000)) == "E0004");
  CHECK(code_of("a: [" + repeat("1,", 9996) + "1]") == "");
  CHECK(code_of("a: [" + repeat("1,", 9999) + "1]") == "E0005");
  CHECK(code_of("a: 1\n#" + repeat("x", 1 << 20)) == "E0003");
  CHECK(code_of("a: &a [" + repeat("1,", 99) + "1]\nb: &b [" + repeat("*a,", 99) +
                "*a]\nc: [*b, *b]") == "E0005");
  CHECK(code_of("a: &a [1]\nb: *a") == "");
  CHECK(code_of("--- {a: 1}\n") == "");
  CHECK(code_of("a: 1\n---\nb: 2\n") == "E0007");
  for (const char* text : {"", "# only this\n", "3", "[a]", "~"}) CHECK(code_of(text) == "E0011");
}

TEST_CASE("document: later keys win over base, lists replace lists", "[config][document]") {
  const Folder folder;
  folder.write("sub/grand.yaml", "a: 1\nb: {c: 2, d: 3}\nl: [1, 2, 3]\n");
  folder.write("sub/mid.yaml", "base: grand.yaml\na: 10\nb: {c: 20}\n");
  const fs::path top = folder.write("top.yaml", "base: sub/mid.yaml\nb: {e: 5}\nl: [9]\n");
  const Document d = load_document(top);
  CHECK(text_at(d, "a") == "10");
  CHECK(text_at(d, "b.c") == "20");
  CHECK(text_at(d, "b.d") == "3");
  CHECK(text_at(d, "b.e") == "5");
  CHECK(text_at(d, "l[0]") == "9");
  CHECK(text_at(d, "l[1]") == "(absent)");
  CHECK(find_path(d.root, "base") == nullptr);
  CHECK(find_path(d.root, "b.d")->span.place() ==
        (folder.path / "sub/grand.yaml").string() + ":2:14");
}

TEST_CASE("document: base makes no circle and must be there", "[config][document]") {
  const Folder folder;
  folder.write("a.yaml", "base: b.yaml\n");
  folder.write("b.yaml", "x: 1\nbase: a.yaml\n");
  const fs::path lost = folder.write("lost.yaml", "base: nowhere.yaml\n");
  CHECK_THROWS_WITH(load_document(folder.path / "a.yaml"),
                    Catch::Matchers::Contains("b.yaml:2:7: error[E0014]") &&
                        Catch::Matchers::Contains("a.yaml -> b.yaml -> a.yaml"));
  CHECK_THROWS_WITH(load_document(lost),
                    Catch::Matchers::Contains("lost.yaml:1:7: error[E0001]: base:"));
  CHECK_THROWS_WITH(load_document(folder.path / "none.yaml"),
                    Catch::Matchers::Contains("No such file"));
  CHECK_THROWS_WITH(load_document(folder.path), Catch::Matchers::Contains("it is a folder"));
}

TEST_CASE("document: overrides reach into mappings, lists and bare names", "[config][document]") {
  const std::string text = "a: {b: 1}\nl: [{x: 1}, flip]\nn:\n";
  const std::vector<std::string> overrides{
      "a.b=2", "a.c.d=hello: 3", "l[0].x=[4, 5]", "l[1].flip.p=0.5", "n.k=", "q=a=b"};
  const Document bad = parse_document("r.yaml", text, overrides);
  CHECK(text_at(bad, "a.b") == "2");
  CHECK(text_at(bad, "a.c.d.hello") == "3");
  CHECK(text_at(bad, "l[0].x[1]") == "5");
  CHECK(text_at(bad, "l[1].flip.p") == "0.5");
  CHECK(find_path(bad.root, "n.k")->is_null());
  CHECK(text_at(bad, "q") == "a=b");
  CHECK(bad.found.empty());
  CHECK(find_path(bad.root, "a.b")->span.place() == "--set a.b=2");
}

TEST_CASE("document: a bad override points into itself", "[config][document]") {
  const struct {
    const char *argument, *code;
    int column;
  } bad[] = {{"a", "E0401", 8},
             {"=3", "E0401", 7},
             {"a..b=3", "E0401", 9},
             {"[0]=1", "E0401", 7},
             {"a[x]=1", "E0401", 8},
             {"l[2]=1", "E0402", 8},
             {"a[0]=1", "E0403", 8},
             {"a.b.c=1", "E0403", 11},
             {"l.x=1", "E0403", 9},
             {"a=[1", "E0002", 9}};

  for (const auto& b : bad) {
    INFO(b.argument);
    const Document d =
        parse_document("r.yaml", "a: {b: 1}\nl: [1, 2]\n", std::vector<std::string>{b.argument});
    REQUIRE(d.found.size() == 1);
    CHECK(std::string(d.found[0].code) == b.code);
    CHECK(d.found[0].span.column == b.column);
  }
}

TEST_CASE("document: a mistake of an absent value is placed at the mapping around it",
          "[config][document]") {
  const Document document = parse_document("r.yaml", "x: 1\na: {b: {c: 1}}\n");
  const auto place = [&](const char* path) { return place_of(document.root, path).place(); };
  CHECK(place("a.b.c") == "r.yaml:2:12");
  CHECK(place("a.b.d") == "r.yaml:2:8");
  CHECK(place("a.q.d") == "r.yaml:2:4");
  CHECK(place("q") == "r.yaml:1:1");
}

}  // namespace sslrun::config
