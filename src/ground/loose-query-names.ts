const none: ReadonlySet<string> = new Set()

/**
 * The first of the `wanted` names (in lower case) by which some server might read a key of this raw query, but for those
 * in `except`. `;` counts as a separator, and names are read as loosely as any server reads them: `a[]` as `a`, ` a` as
 * `a`, `a.b`, `a b` and `a[b` as `a_b` (PHP), letters in either case.
 */
export function looselyNamed(
  query: string,
  wanted: ReadonlySet<string>,
  except: ReadonlySet<string> = none,
): string | undefined {
  if (query === '') return undefined
  for (const piece of query.split(/[&;]/)) {
    const equals = piece.indexOf('=')
    for (const name of readings(equals < 0 ? piece : piece.slice(0, equals))) {
      if (wanted.has(name) && !except.has(name)) return name
    }
  }
  return undefined
}

/** The pairs of a raw query, each with the names that it may have so, and its value decoded, without spaces around it. */
export function loosePairs(query: string): { readonly names: readonly string[]; readonly value: string }[] {
  return query.split(/[&;]/).map((piece) => {
    const equals = piece.indexOf('=')
    if (equals < 0) return { names: readings(piece), value: '' }
    const value = safelyDecoded(piece.slice(equals + 1))
      .replaceAll('+', ' ')
      .normalize('NFKC')
      .trim()
    return { names: readings(piece.slice(0, equals)), value }
  })
}

/** What a query name may be to one server or another. */
function readings(raw: string): readonly string[] {
  const decoded = raw.includes('%') ? safelyDecoded(raw) : raw
  const name = decoded.replaceAll('+', ' ').normalize('NFKC').trim().toLowerCase()
  const plain = name.replace(/[[(].*$/s, '').trim()
  return /[ .[]/.test(name) ? [plain, name.replace(/[ .[]/g, '_'), plain.replace(/[ .]/g, '_')] : [plain]
}

function safelyDecoded(raw: string): string {
  try {
    return decodeURIComponent(raw)
  } catch {
    return raw
  }
}
