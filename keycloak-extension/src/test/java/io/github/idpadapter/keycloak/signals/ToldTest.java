package io.github.idpadapter.keycloak.signals;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ToldTest {

    private static SortedSet<String> names(int count, String of) {
        return IntStream.range(0, count).mapToObj(of::formatted).collect(Collectors.toCollection(TreeSet::new));
    }

    @Test
    void fewNamesAreAllTold() {
        Told told = Told.of(names(Told.MOST, "role-%03d"));
        assertEquals(Told.MOST, told.names().size());
        assertFalse(told.cut());
        assertEquals(new Told(List.of(), false), Told.of(names(0, "%d")));
    }

    @Test
    void oneNameTooManyIsLeftOutAndThatIsSaid() {
        Told told = Told.of(names(Told.MOST + 1, "role-%03d"));
        assertEquals(Told.MOST, told.names().size());
        assertTrue(told.cut());
    }

    @Test
    void longNamesEndTheListByTheirBytesWhateverTheirLetters() {
        for (String letter : List.of("a", "é", "界", "😀")) {
            Told told = Told.of(names(100, letter.repeat(200) + "%03d"));
            int bytes = told.names().stream().mapToInt(name -> name.getBytes(UTF_8).length + 3).sum();
            assertTrue(bytes <= Told.MOST_BYTES && bytes > Told.MOST_BYTES - 1000, letter);
            assertTrue(told.cut());
        }
    }

    @Test
    void aNameThatTheServiceWouldRefuseCostsOnlyItself() {
        Told told = Told.of(new TreeSet<>(List.of("a", "b" + "x".repeat(Told.MOST_CHARS), "c")));
        assertEquals(new Told(List.of("a", "c"), true), told);
    }
}
