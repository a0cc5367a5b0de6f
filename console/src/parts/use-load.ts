import { useCallback, useEffect, useState } from 'react'
import { ask, wordsOf } from '../api/client.ts'

/** What the gateway says at `path`; read again by `again()` and whenever `round` changes. */
export function useLoad<T>(path: string, round = 0) {
  const [value, setValue] = useState<T>()
  const [trouble, setTrouble] = useState<string>()
  const [turn, setTurn] = useState(0)
  // biome-ignore lint/correctness/useExhaustiveDependencies: both say that it is to be read again.
  useEffect(() => {
    let over = false
    ask<T>('GET', path).then(
      (said) => {
        if (over) return
        setValue(said)
        setTrouble(undefined)
      },
      (error) => {
        if (!over) setTrouble(wordsOf(error))
      },
    )
    return () => {
      over = true
    }
  }, [path, round, turn])
  const again = useCallback(() => setTurn((turn) => turn + 1), [])
  return { value, trouble, again, setValue }
}
