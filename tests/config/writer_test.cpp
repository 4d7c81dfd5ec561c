#include "config/writer.h"

#include "config/document.h"
#include "config/explain.h"
#include "tests/config/sample.h"
#include "tests/support/catch.h"

#include <nlohmann/json.hpp>

namespace sslrun::config {

using sample::Sample;

TEST_CASE("writer: the resolved YAML reads back to the same values", "[config][writer]") {
  Sample first, second;
  read(parse_document("r.yaml",
                      sample::kGood,
                      std::vector<std::string>{"title='yes: # \"x\"'", "temperature=1.0e-7"}),
       first.body());
  for (const Comments comments : {Comments::kNone, Comments::kDocs, Comments::kOrigins}) {
    const std::string text = write_yaml(first.body(), comments);
    INFO(text);
    second = Sample();
    REQUIRE_NOTHROW(read(parse_document("resolved.yaml", text), second.body()));
    CHECK(write_json(first.body()) == write_json(second.body()));
  }
}

TEST_CASE("writer: origins name the line, the override or the default", "[config][writer]") {
  Sample s;
  const Document d =
      parse_document("r.yaml", sample::kGood, std::vector<std::string>{"optimizer.lr=0.5"});
  read(d, s.body());
  const std::string text = write_yaml(s.body(), Comments::kOrigins, &d.root);
  INFO(text);
  CHECK_THAT(text, Catch::Matchers::Contains("temperature: 0.2  # r.yaml:1:14\n"));
  CHECK_THAT(text, Catch::Matchers::Contains("lr: 0.5  # --set optimizer.lr=0.5\n"));
  CHECK_THAT(text, Catch::Matchers::Contains("k: 20  # default\n"));
  CHECK_THAT(text, Catch::Matchers::Contains("p: 0.25  # r.yaml:9:15\n"));
}

TEST_CASE("writer: the schema holds every key, its range and its default", "[config][writer]") {
  Sample s;
  const auto schema = write_schema(s.body(), "sample");
  INFO(schema.dump(1));
  CHECK(schema["properties"]["temperature"]["exclusiveMinimum"] == 0.0);
  CHECK(schema["properties"]["temperature"]["default"] == 0.1);
  CHECK(schema["required"] == nlohmann::ordered_json({"data", "optimizer"}));
  CHECK(schema["additionalProperties"] == false);
  CHECK(schema["properties"]["schedule"]["properties"]["decay"]["enum"].size() == 2);
  const auto& item = schema["properties"]["groups"]["items"]["properties"]["ops"]["items"]["anyOf"];
  REQUIRE(item.size() == 4);
  CHECK(item[0]["const"] == "flip");
  CHECK(item[1]["properties"]["flip"]["anyOf"][0]["type"] == "number");
  CHECK(schema["properties"]["optimizer"]["anyOf"][0]["properties"]["lr"]["type"] == "number");
}

TEST_CASE("explain: codes are in order, without repeats", "[config][explain]") {
  const auto all = explanations();
  for (std::size_t i = 1; i < all.size(); ++i) CHECK(all[i - 1].code < all[i].code);
  CHECK(explain("E0203") != nullptr);
  CHECK(explain("E9999") == nullptr);
}

}  // namespace sslrun::config
