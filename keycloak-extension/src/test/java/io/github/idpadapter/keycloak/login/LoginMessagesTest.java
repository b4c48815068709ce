package io.github.idpadapter.keycloak.login;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LoginMessagesTest {

    private static Properties messages(String language) throws IOException {
        Properties found = new Properties();
        String file = "/theme-resources/messages/messages_" + language + ".properties";
        try (InputStreamReader text = new InputStreamReader(LoginMessagesTest.class.getResourceAsStream(file), StandardCharsets.UTF_8)) {
            found.load(text);
        }
        return found;
    }

    @ParameterizedTest
    @ValueSource(strings = {"de", "en", "fr"})
    void everyReasonAndRefusalHasASentenceInEachLanguageAndNothingElseDoes(String language) throws IOException {
        Set<String> wanted = new TreeSet<>(Set.of(LoginRefusal.DENIED, LoginRefusal.NO_FACTOR, "riskReason_other"));
        LoginMessages.KNOWN.forEach(reason -> wanted.add("riskReason_" + reason));
        Properties found = messages(language);
        assertEquals(wanted, new TreeSet<>(found.stringPropertyNames()));
        found.values().forEach(sentence -> assertFalse(sentence.toString().isBlank()));
    }
}
