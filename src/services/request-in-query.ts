/** Queries by which a server is told anew what a request is, after the gate has looked at its method and its head. */
import { looselyNamed, loosePairs } from '../ground/loose-query-names.ts'
import { ambiguous } from '../ground/target-problems.ts'

/** Frameworks take another method from these, whatever they say. */
const METHOD_KEYS: ReadonlySet<string> = new Set([
  '$httpmethod', // Google, cloud.google.com/apis/docs/system-parameters
  '$http_method',
  '$method',
  '__method',
  '_http_method',
  '_httpmethod',
  '_method', // Rails, Laravel, Symfony, method-override of Express
  '_method_override',
  'http_method_override',
  'method_override',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'x_http_method',
  'x_http_method_override',
  'x_method_override',
])

/** The head is changed by these: any field, or what says how the body is to be read. */
const HEAD_KEYS: ReadonlySet<string> = new Set(['$ct', '$httpheaders', '$http_headers'])

/** A plain word in most APIs; in some (the Graph API) the method, where its value is one. */
const METHOD_WORD: ReadonlySet<string> = new Set(['method', 'http_method', 'http-method', 'httpmethod'])
const METHODS: ReadonlySet<string> = new Set(['get', 'head', 'options', 'post', 'put', 'patch', 'delete'])

/** A quick no for nearly every query. Letters outside of ASCII may be read as others. */
const MENTIONS = /method|header|(?:\$|%24)ct|%[c-f]/i

/** Throws Problem `target_ambiguous`. */
export function refuseRequestInQuery(method: string, query: string): void {
  if (query === '' || !MENTIONS.test(query)) return
  if (looselyNamed(query, METHOD_KEYS) !== undefined) throw ambiguous('query_method')
  if (looselyNamed(query, HEAD_KEYS) !== undefined) throw ambiguous('query_headers')
  if (looselyNamed(query, METHOD_WORD) === undefined) return
  for (const { names, value } of loosePairs(query)) {
    const said = value.toLowerCase()
    if (said !== method.toLowerCase() && METHODS.has(said) && names.some((name) => METHOD_WORD.has(name)))
      throw ambiguous('query_method')
  }
}
