// What Node programs load first in `claviger run`, by NODE_OPTIONS. Node's own connections ask the proxy of the environment
// (NODE_USE_ENV_PROXY), those of an agent that a program makes for itself only where it says so, and SDKs say nothing. From here
// on they do, as if `proxyEnv` had been said; what is said goes before, and classes of others are left alone. Any Node may load
// it: one that does not know `proxyEnv` goes on as before.
'use strict'

for (const module of [require('node:http'), require('node:https')]) {
  const asking = new Proxy(module.Agent, {
    construct: (Agent, args, made) =>
      Reflect.construct(Agent, made === asking ? [{ proxyEnv: process.env, ...args[0] }] : args, made),
    // Without `new`, as old programs do.
    apply: (_Agent, _self, args) => new asking(...args),
  })
  module.Agent = asking
}
// For what is imported by name.
require('node:module').syncBuiltinESMExports()
