/**
 * A reporter of vitest that writes the errors which no test has caught to a JSON file. vitest exits
 * with 1 because of such errors, but its JSON report does not have them.
 *
 * The file is an array of { test, file, text }. `test` and `file` say what ran at that moment; they
 * are not always the cause.
 */
import { writeFileSync } from 'node:fs';

export default class UnhandledErrors {
  onTestRunEnd(_modules, errors) {
    const found = errors.map((error) => ({
      test: error.VITEST_TEST_NAME,
      file: error.VITEST_TEST_PATH,
      text: error.stack ?? `${error.name}: ${error.message}`,
    }));
    writeFileSync(unhandledErrorsOf(process.env.LITZ_TEST_REPORT), JSON.stringify(found));
  }
}

/** Returns the path of the file with these errors: beside the JSON report at the path `report`. */
export function unhandledErrorsOf(report) {
  return report.replace(/\.json$/, '-unhandled.json');
}
