// What a recipe can name: methods, encoders, optimizers, view operations.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace sslrun::config {

class Fields;

/// The struct of one named component's keys, with its defaults.
struct Component {
  virtual ~Component() = default;

  /// Names every key once: reads, validates or documents it, depending on the visitor.
  virtual void bind(Fields& fields) = 0;
};

/// One row of a registry. make() gives the component's struct with its defaults.
struct ComponentSpec {
  std::string_view name;
  std::string_view summary;  // one line, lower case, no full stop
  std::string_view source;   // the paper or the code that it follows
  std::unique_ptr<Component> (*make)();
};

/// Every component of one kind, in the order of its .def file.
using Registry = std::span<const ComponentSpec* const>;

/// A component chosen by a recipe. config: null until a name is chosen.
struct NamedComponent {
  std::string name;
  std::shared_ptr<Component> config;
};

/// The row called `name`, or null.
const ComponentSpec* find_spec(Registry registry, std::string_view name);

/// The component `name` with its defaults; an unknown name is a bug of the caller.
NamedComponent make_component(Registry registry, std::string_view name);

}  // namespace sslrun::config
