// Loaded before the gateway: a request with `x-fault: N` makes the Nth call of these functions throw, saying what they were
// given. Whatever the message of such an error holds, it must stay where it is.
import { Server } from 'node:http'

let left = 0

function patch(object, name) {
  const original = object[name]
  object[name] = function (...given) {
    if (left > 0) {
      left -= 1
      if (left === 0) throw new Error(`fault in ${name} of ${String(this)}: ${given.map(String).join(' ')}`)
    }
    return Reflect.apply(original, this, given)
  }
}

const { emit } = Server.prototype
Server.prototype.emit = function (event, request, ...rest) {
  if (event === 'request' && request.headers['x-fault'] !== undefined) left = Number(request.headers['x-fault'])
  return Reflect.apply(emit, this, [event, request, ...rest])
}

for (const name of ['toLowerCase', 'startsWith', 'includes', 'slice']) patch(String.prototype, name)
for (const name of ['get', 'set']) patch(Map.prototype, name)
for (const name of ['toString', 'subarray']) patch(Buffer.prototype, name)
patch(Buffer, 'from')
patch(Buffer, 'concat')
patch(Array.prototype, 'push')
patch(JSON, 'stringify')
