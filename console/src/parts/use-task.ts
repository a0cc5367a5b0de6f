import { useState } from 'react'
import { wordsOf } from '../api/client.ts'

/** One thing at a time: whether it runs, and what went wrong with the last. */
export function useTask() {
  const [busy, setBusy] = useState(false)
  const [trouble, setTrouble] = useState<string>()
  const run = async (work: () => Promise<void>): Promise<void> => {
    if (busy) return
    setBusy(true)
    setTrouble(undefined)
    try {
      await work()
    } catch (error) {
      setTrouble(wordsOf(error))
    } finally {
      setBusy(false)
    }
  }
  return { busy, trouble, run }
}
